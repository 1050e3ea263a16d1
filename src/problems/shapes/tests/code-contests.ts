import * as z from 'zod';
import type { ProblemTests, TestRules } from '../../../core/problem.ts';
import { printedTests } from './contest-tests.ts';

const side = z.object({ input: z.array(z.string()), output: z.array(z.string()) });

/** A row of DeepMind's CodeContests. */
export const codeContestsRow = z.object({
  name: z.string().optional(),
  description: z.string().optional(),
  public_tests: side,
  private_tests: side.nullish(),
  generated_tests: side.nullish(),
  time_limit: z
    .union([z.number(), z.object({ seconds: z.number().nullish(), nanos: z.number().nullish() })])
    .nullish(),
  memory_limit_bytes: z.coerce.number().nullish(),
});

/** Reads all tests of a CodeContests row. The row's limits also apply to Python. */
export function codeContestsTests(row: z.output<typeof codeContestsRow>): ProblemTests {
  const sides = [row.public_tests, row.private_tests, row.generated_tests].filter((one) => one != null);
  const cases = sides.flatMap(({ input, output }) =>
    input.map((text, i) => ({ input: text, output: output[i] ?? '' })),
  );
  return printedTests(cases, limitsOf(row));
}

function limitsOf({
  time_limit: time,
  memory_limit_bytes: bytes,
}: z.output<typeof codeContestsRow>): TestRules {
  const seconds = typeof time === 'number' ? time : (time?.seconds ?? 0) + (time?.nanos ?? 0) / 1e9;
  return {
    ...(seconds > 0 ? { maxCpuMs: seconds * 1000 } : {}),
    // With less, a Python interpreter does not start, because the limit is on address space, not on resident memory.
    ...(bytes ? { maxMemoryBytes: Math.max(bytes, 128 * 2 ** 20) } : {}),
  };
}
