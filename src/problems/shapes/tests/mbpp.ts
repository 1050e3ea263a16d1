import * as z from 'zod';
import { DataError } from '../../../core/errors.ts';
import type { ProblemTests } from '../../../core/problem.ts';

/** A row of MBPP, as first published or sanitized, also of MBPP+. */
export const mbppRow = z.object({
  task_id: z.union([z.string(), z.number()]).optional(),
  text: z.string().optional(),
  prompt: z.string().optional(),
  code: z.string().optional(),
  test_list: z.array(z.string()).min(1),
  challenge_test_list: z.array(z.string()).optional(),
  test_setup_code: z.string().optional(),
  /** MBPP+: all of its further tests as one text. */
  test: z.string().optional(),
  test_imports: z.array(z.string()).optional(),
});

/**
 * The tests of an MBPP row: one for each assertion. The function's name is stated nowhere: it is the one that the
 * assertions call and the reference defines, or else the first that they call.
 */
export function mbppTests(row: z.output<typeof mbppRow>): ProblemTests {
  const further = row.test === undefined ? [] : [row.test];
  const tests = [...row.test_list, ...(row.challenge_test_list ?? []), ...further];
  return {
    type: 'asserts',
    language: 'python',
    setup: [...(row.test_imports ?? []), row.test_setup_code ?? '', ''].join('\n'),
    entryPoint: entryPointOf(row.test_list.join('\n'), row.code ?? ''),
    tests,
  };
}

const pythonBuiltins = new Set(
  'abs all any bool bytes dict enumerate float frozenset int isinstance len list map max min not print range reversed round set sorted str sum tuple type zip isclose'.split(
    ' ',
  ),
);

function entryPointOf(tests: string, reference: string): string {
  const called = [...tests.matchAll(/(?<![\w.])([A-Za-z_]\w*)\s*\(/g)].map(([, name]) => name!);
  const defined = new Set([...reference.matchAll(/^def\s+(\w+)/gm)].map(([, name]) => name!));
  const name = called.find((one) => defined.has(one)) ?? called.find((one) => !pythonBuiltins.has(one));
  if (name === undefined)
    throw new DataError(`expected assertions that call a function, got ${tests.slice(0, 100)}`);
  return name;
}
