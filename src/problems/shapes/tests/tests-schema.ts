import * as z from 'zod';
import type { ProblemTests } from '../../../core/problem.ts';

const language = z.enum(['javascript', 'python']);
const rules = {
  preamble: z.string().exactOptional(),
  maxCpuMs: z.number().positive().exactOptional(),
  maxMemoryBytes: z.number().positive().exactOptional(),
  tolerance: z.strictObject({ absolute: z.number().min(0), relative: z.number().min(0) }).exactOptional(),
};

/** `ProblemTests` as stored in a row of a Gradus file; unknown keys cause an error. */
export const testsSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('function'),
    language,
    entryPoint: z.string().min(1),
    cases: z
      .array(
        z.strictObject({
          arguments: z.array(z.unknown()),
          expected: z.unknown(),
          alsoAccepted: z.array(z.unknown()).exactOptional(),
        }),
      )
      .min(1),
    ...rules,
  }),
  z.strictObject({
    type: z.literal('stdio'),
    language,
    cases: z.array(z.strictObject({ input: z.string(), output: z.string() })).min(1),
    comparison: z.enum(['text', 'numbers']).exactOptional(),
    checker: z.string().exactOptional(),
    ...rules,
  }),
  z.strictObject({
    type: z.literal('asserts'),
    language: z.literal('python'),
    setup: z.string(),
    entryPoint: z.string().min(1),
    tests: z.array(z.string()).min(1),
    opening: z.string().exactOptional(),
    ...rules,
  }),
]) satisfies z.ZodType<ProblemTests>;

/** One example of each kind of tests, for error messages. */
const examples: readonly ProblemTests[] = [
  {
    type: 'function',
    language: 'javascript',
    entryPoint: 'double',
    cases: [{ arguments: [2], expected: 4 }],
  },
  { type: 'stdio', language: 'python', cases: [{ input: '2\n', output: '4\n' }] },
  {
    type: 'asserts',
    language: 'python',
    setup: '',
    entryPoint: 'double',
    tests: ['assert double(2) == 4'],
  },
];

/** Returns example tests of the same kind as `given`, as JSON; by default, tests of a function. */
export function testsExample(given: unknown): string {
  const type = typeof given === 'object' && given !== null && 'type' in given ? given.type : undefined;
  return JSON.stringify(examples.find((example) => example.type === type) ?? examples[0]);
}
