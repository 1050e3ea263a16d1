import { openRunReader } from '../runs/reading/run-reader.ts';
import { type Comparison, comparePaired, pairResults } from './compare.ts';
import type { Evaluation } from './evaluate.ts';

/** First and last evaluation of a suite in one run, problem by problem. */
export interface SuiteProgress extends Comparison {
  readonly suite: string;
  readonly steps: readonly [first: number, last: number];
}

/** Compares the first and the last evaluation of each suite of a run; leaves out suites that were evaluated once. */
export async function runProgress(directory: string): Promise<SuiteProgress[]> {
  using reader = await openRunReader(directory);
  const rows = reader.lists(
    `SELECT name, step, result FROM evaluations
     WHERE id IN (SELECT min(id) FROM evaluations GROUP BY name UNION SELECT max(id) FROM evaluations GROUP BY name)
     ORDER BY id`,
  ) as [string, number, string][];
  const bySuite = Map.groupBy(rows, ([suite]) => suite);
  return Array.from(bySuite, ([suite, records]): SuiteProgress[] => {
    const [first, last] = records;
    if (first === undefined || last === undefined) return [];
    const before = JSON.parse(first[2]) as Evaluation;
    const after = JSON.parse(last[2]) as Evaluation;
    if (pairResults(before, after).length === 0) return [];
    return [{ suite, steps: [first[1], last[1]], ...comparePaired(before, after) }];
  }).flat();
}
