import * as z from 'zod';
import { DataError } from '../../../core/errors.ts';
import type { ProblemTests, TestRules } from '../../../core/problem.ts';
import { testsOfPairs } from './paired.ts';

const functionName = z.object({ func_name: z.string().nullish() }).nullish();

/** One test as an object: Codeforces, DeepCoder, PrimeIntellect. */
export const listedTest = z.object({
  input: z.unknown(),
  output: z.unknown(),
  type: z.string().optional(),
  testtype: z.string().optional(),
  fn_name: z.string().nullish(),
  metadata: functionName,
});

/** Limits and checker that a row may state beside its tests: seconds, and MB as judges count them. */
export const statedRules = z.object({
  time_limit: z.number().positive().nullish().catch(null),
  memory_limit: z.number().positive().nullish().catch(null),
  generated_checker: z.string().nullish().catch(null),
  metadata: functionName.catch(null),
});

/** Tests listed one by one, as texts, or (with a function's name) as arguments and result in JSON, one argument a line. */
export function testsOfList(
  tests: readonly z.output<typeof listedTest>[],
  stated: z.output<typeof statedRules>,
): ProblemTests {
  const entryPoint = tests[0]?.fn_name ?? tests[0]?.metadata?.func_name ?? stated.metadata?.func_name;
  const isFunction = tests.some(({ type, testtype }) => (type ?? testtype ?? '').startsWith('func'));
  if (isFunction && !entryPoint)
    throw new DataError('expected the name of the function that the tests call, got none');
  const rules = rulesOf(stated);
  const name = isFunction ? entryPoint : undefined;
  const inputs = tests.map(({ input }) => (isFunction ? argumentsOf(input) : input));
  const outputs = tests.map(({ output }) => (isFunction ? jsonOf(output) : output));
  const made = testsOfPairs({ inputs, outputs, fn_name: name }, rules);
  return made.type === 'stdio' && stated.generated_checker
    ? { ...made, checker: stated.generated_checker }
    : made;
}

function rulesOf({ time_limit: seconds, memory_limit: megabytes }: z.output<typeof statedRules>): TestRules {
  return {
    ...(seconds ? { maxCpuMs: seconds * 1000 } : {}),
    ...(megabytes ? { maxMemoryBytes: Math.max(megabytes, 128) * 2 ** 20 } : {}),
  };
}

function argumentsOf(input: unknown): unknown {
  if (typeof input !== 'string') return input;
  return input
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(jsonOf);
}

function jsonOf(text: unknown): unknown {
  if (typeof text !== 'string') return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
