import { inflateSync } from 'node:zlib';
import * as z from 'zod';
import { DataError } from '../../../core/errors.ts';
import { parseJson } from '../../../core/lossless-json.ts';
import type { ProblemTests } from '../../../core/problem.ts';
import { contestImports, printedTests, returnedTests, statesReal } from './contest-tests.ts';
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

/** Maximum size of the private tests after decompression; published ones stay below 200 MB. */
const maxInflatedBytes = 512 * 2 ** 20;

/**
 * Reads the public and private tests of a LiveCodeBench row. Functional tests have one JSON value per line: the
 * arguments in order.
 */
export function liveCodeBenchTests(row: z.output<typeof liveCodeBenchRow>): ProblemTests {
  const cases = [...decodeCases(row.public_test_cases), ...decodeCases(row.private_test_cases ?? [])];
  const metadata = typeof row.metadata === 'string' ? parseJson(row.metadata) : row.metadata;
  const entryPoint = z.object({ func_name: z.string().min(1) }).safeParse(metadata).data?.func_name;
  if (!cases.some((one) => one.testtype === 'functional')) {
    return printedTests(
      cases.map(({ input, output }) => ({ input, output })),
      { preamble: contestImports },
    );
  }
  if (entryPoint === undefined) {
    throw new DataError('expected the name of the function in metadata.func_name, got none');
  }
  return returnedTests(
    entryPoint,
    cases.map(({ input, output }) => ({
      arguments: input
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map(parseJson),
      expected: parseJson(output),
    })),
    { isReal: cases.some(({ output }) => statesReal(output)) },
  );
}

/**
 * Decodes cases from JSON, or from base64 of a zlib-compressed pickle of a JSON string, the format of the private cases.
 */
function decodeCases(encoded: string | readonly unknown[]): z.output<typeof testCases> {
  if (typeof encoded !== 'string') return testCases.parse(encoded);
  if (/^\s*(\[|$)/.test(encoded)) return testCases.parse(parseJson(encoded === '' ? '[]' : encoded));
  const content = readPickle(inflate(encoded));
  return testCases.parse(typeof content === 'string' ? parseJson(content) : content);
}

/** Decodes base64 of zlib-compressed data. Throws if the result exceeds `maxInflatedBytes`. */
export function inflate(encoded: string): Buffer {
  return inflateSync(Buffer.from(encoded, 'base64'), { maxOutputLength: maxInflatedBytes });
}
