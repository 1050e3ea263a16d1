import * as z from 'zod';
import type { ProblemTests } from '../../../core/problem.ts';
import { contestImports } from './contest-tests.ts';
import { testsOfCode } from './test-code.ts';

/**
 * A row of HumanEval(+), whose `test` defines `check(candidate)`, of LeetCodeDataset, or of BigCodeBench, whose `test`
 * is a unittest class.
 */
export const humanEvalRow = z.object({
  task_id: z.string().optional(),
  prompt: z.string().optional(),
  complete_prompt: z.string().optional(),
  entry_point: z.string().min(1),
  test: z.string(),
});

/** Reads the tests of a HumanEval row. Both the program and the tests may use helpers from the prompt. */
export function humanEvalTests(row: z.output<typeof humanEvalRow>): ProblemTests {
  const { entry_point: entryPoint, test } = row;
  const prompt = row.complete_prompt ?? row.prompt ?? '';
  // LeetCodeDataset: program and tests both need the prompt's code, and the entry point is a method.
  if (!/^\w+$/.test(entryPoint))
    return testsOfCode(`${test}\ncheck(${entryPoint})`, { imports: contestImports, preamble: `${prompt}\n` });
  const start = prompt.search(new RegExp(String.raw`^def\s+${entryPoint}\b`, 'm'));
  const preamble = start < 0 ? '' : prompt.slice(0, start);
  return testsOfCode(test, { entryPoint, preamble, opening: start < 0 ? prompt : prompt.slice(start) });
}
