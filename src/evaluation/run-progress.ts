import { openRunReader, type RunReader } from '../runs/reading/run-reader.ts';
import { type Comparison, comparePaired, pairResults } from './compare.ts';
import type { Evaluation } from './evaluate.ts';

/** The first and last evaluations of a suite in one run. */
export interface SuiteEnds {
  readonly suite: string;
  readonly steps: readonly [first: number, last: number];
  readonly before: Evaluation;
  readonly after: Evaluation;
  /** Comparison of the two evaluations; absent if no problem was judged in both. */
  readonly comparison?: Comparison;
}

/** The first and last evaluations of a suite in one run, problem by problem. */
export interface SuiteProgress extends Comparison {
  readonly suite: string;
  readonly steps: readonly [first: number, last: number];
}

/** Compares the first and the last evaluation of each suite of a run; omits suites that were evaluated only once. */
export async function runProgress(directory: string): Promise<SuiteProgress[]> {
  using reader = await openRunReader(directory);
  return suiteEnds(reader).flatMap(({ suite, steps, comparison }) =>
    comparison === undefined ? [] : [{ suite, steps, ...comparison }],
  );
}

/** Returns the first and the last evaluation of each suite of a run; omits suites that were evaluated only once. */
export function suiteEnds(reader: RunReader): SuiteEnds[] {
  const rows = reader.lists(
    `SELECT name, step, result FROM evaluations
     WHERE id IN (SELECT min(id) FROM evaluations GROUP BY name UNION SELECT max(id) FROM evaluations GROUP BY name)
     ORDER BY id`,
  ) as [string, number, string][];
  return Array.from(
    Map.groupBy(rows, ([suite]) => suite),
    ([suite, [first, last]]): SuiteEnds[] => {
      if (first === undefined || last === undefined) return [];
      const [before, after] = [JSON.parse(first[2]) as Evaluation, JSON.parse(last[2]) as Evaluation];
      const isComparable = pairResults(before, after).length > 0;
      const comparison = isComparable && { comparison: comparePaired(before, after) };
      return [{ suite, steps: [first[1], last[1]], before, after, ...comparison }];
    },
  ).flat();
}
