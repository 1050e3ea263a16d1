import * as z from 'zod';
import type { ProblemTests } from '../../../core/problem.ts';
import { functionUnderTest, testsOfAsserts } from './test-code.ts';

/** A row of MBPP (original or sanitized) or MBPP+. */
export const mbppRow = z.object({
  task_id: z.union([z.string(), z.number()]).optional(),
  text: z.string().optional(),
  prompt: z.string().optional(),
  code: z.string().optional(),
  test_list: z.array(z.string()).min(1),
  challenge_test_list: z.array(z.string()).optional(),
  test_setup_code: z.string().optional(),
  /** MBPP+: all of its additional tests as one string. */
  test: z.string().optional(),
  test_imports: z.array(z.string()).optional(),
});

/**
 * Reads the tests of an MBPP row: one per assertion. The row does not name the function under test; it is the one that
 * the assertions call and the reference defines, or else the first that the assertions call.
 */
export function mbppTests(row: z.output<typeof mbppRow>): ProblemTests {
  const further = row.test === undefined ? [] : [row.test];
  return testsOfAsserts([...row.test_list, ...(row.challenge_test_list ?? []), ...further], {
    setup: [...(row.test_imports ?? []), row.test_setup_code ?? '', ''].join('\n'),
    entryPoint: functionUnderTest(row.test_list.join('\n'), row.code ?? ''),
  });
}
