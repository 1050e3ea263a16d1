import * as z from 'zod';
import type { ProblemTests } from '../../../core/problem.ts';

/** A row of HumanEval or HumanEval+: `test` defines `check(candidate)`. */
export const humanEvalRow = z.object({
  task_id: z.string().optional(),
  prompt: z.string(),
  entry_point: z.string().min(1),
  test: z.string(),
});

/** The tests of a HumanEval row: one, which calls the row's `check`. Helpers of the prompt are there for both sides. */
export function humanEvalTests(row: z.output<typeof humanEvalRow>): ProblemTests {
  const { prompt, entry_point: entryPoint, test } = row;
  const start = prompt.search(new RegExp(String.raw`^def\s+${entryPoint}\b`, 'm'));
  const preamble = start < 0 ? '' : prompt.slice(0, start);
  return {
    type: 'asserts',
    language: 'python',
    preamble,
    opening: start < 0 ? prompt : prompt.slice(start),
    setup: `${preamble}\n${test}\n`,
    entryPoint,
    tests: [`check(${entryPoint})`],
  };
}
