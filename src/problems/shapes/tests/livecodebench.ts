import { inflateSync } from 'node:zlib';
import * as z from 'zod';
import { DataError } from '../../../core/errors.ts';
import type { ProblemTests } from '../../../core/problem.ts';
import { leetCodeImports } from './paired.ts';
import { readPickle } from './pickle.ts';

/** A row of LiveCodeBench's code generation sets. */
export const liveCodeBenchRow = z.object({
  question_id: z.string().optional(),
  question_content: z.string().optional(),
  starter_code: z.string().nullish(),
  public_test_cases: z.union([z.string(), z.array(z.unknown())]),
  private_test_cases: z.union([z.string(), z.array(z.unknown())]).nullish(),
  metadata: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
});

const testCases = z.array(
  z.object({
    input: z.string(),
    output: z.string(),
    testtype: z.enum(['stdin', 'functional']).default('stdin'),
  }),
);

/** Largest private test file after decompression; the published ones stay below 200 MB. */
const maxInflatedBytes = 512 * 2 ** 20;

/** Public and private tests of a LiveCodeBench row. Functional ones carry one JSON value per line: the arguments in order. */
export function liveCodeBenchTests(row: z.output<typeof liveCodeBenchRow>): ProblemTests {
  const cases = [...decodeCases(row.public_test_cases), ...decodeCases(row.private_test_cases ?? [])];
  const metadata = typeof row.metadata === 'string' ? (JSON.parse(row.metadata) as unknown) : row.metadata;
  const entryPoint = z.object({ func_name: z.string().min(1) }).safeParse(metadata).data?.func_name;
  if (!cases.some((one) => one.testtype === 'functional')) {
    return {
      type: 'stdio',
      language: 'python',
      cases: cases.map(({ input, output }) => ({ input, output })),
    };
  }
  if (entryPoint === undefined) {
    throw new DataError('expected the name of the function in metadata.func_name, got none');
  }
  return {
    type: 'function',
    language: 'python',
    entryPoint,
    preamble: leetCodeImports,
    cases: cases.map(({ input, output }) => ({
      arguments: input
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map((line) => JSON.parse(line) as unknown),
      expected: JSON.parse(output) as unknown,
    })),
  };
}

/** Cases as JSON, or as base64 of a zlib-compressed pickle of a JSON text: the form of the private ones. */
function decodeCases(encoded: string | readonly unknown[]): z.output<typeof testCases> {
  if (typeof encoded !== 'string') return testCases.parse(encoded);
  if (/^\s*(\[|$)/.test(encoded)) return testCases.parse(JSON.parse(encoded === '' ? '[]' : encoded));
  const inflated = inflateSync(Buffer.from(encoded, 'base64'), { maxOutputLength: maxInflatedBytes });
  const content = readPickle(inflated);
  return testCases.parse(typeof content === 'string' ? JSON.parse(content) : content);
}
