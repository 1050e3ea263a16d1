import { keepUsefulColumns, scoreByFeatures } from './feature-scores.ts';
import type { FeatureTable } from './feature-table.ts';
import { probingTuning, type ProbingTuning } from './tuning.ts';

/** Assignment of problems to groups. */
export interface Grouping {
  /** The group number of each problem. */
  readonly groups: Uint16Array;
  /** True if columns predict the outcomes; such groups differ more than groups formed from words. */
  readonly isInformed: boolean;
}

/**
 * Sorts problems into groups of similar features, each with its own population: by predicted pass rate, and within that
 * by the predicted probability of no success. The two differ: an answer that the verifier cannot match is never judged
 * correct, even for an easy question. Columns that do not predict the outcomes are ignored; see `keepUsefulColumns`.
 *
 * @param rates observed pass rates, NaN if unknown.
 */
export function groupByFeatures(
  ids: readonly string[],
  table: FeatureTable,
  rates: Float64Array,
  unsolved: Float64Array,
  { fewest, most, bandsPerStrip }: ProbingTuning['groups'] = probingTuning.groups,
): Grouping {
  const count = Math.max(1, Math.min(most, Math.floor(ids.length / fewest)));
  const bands = Math.ceil(Math.sqrt(count * bandsPerStrip));
  const strips = Math.max(1, Math.floor(count / bands));
  const groups = new Uint16Array(ids.length);
  if (count === 1) return { groups, isInformed: false };
  const all = ids.map((_, i) => i);
  const features = keepUsefulColumns(ids, table, rates);
  const rate = scoreByFeatures(ids, features, rates);
  const kinds = Map.groupBy(all, (i) => features.words[i]!.join(' '));
  if (features.columns.length === 0 && kinds.size <= most)
    return { groups: groupKinds([...kinds.values()], rate, groups, fewest), isInformed: false };
  const never = strips === 1 ? rate : scoreByFeatures(ids, features, unsolved);
  quantiles(all, rate, Math.min(count, bands)).forEach((band, b) => {
    quantiles(band, never, strips).forEach((strip, s) => {
      for (const problem of strip) groups[problem] = b * strips + s;
    });
  });
  return { groups, isInformed: features.columns.length > 0 };
}

/** Merges kinds with neighbouring predicted pass rates until a group is large enough. */
function groupKinds(
  kinds: readonly number[][],
  score: Float64Array,
  groups: Uint16Array,
  fewest: number,
): Uint16Array {
  const meanOf = (kind: readonly number[]): number =>
    kind.reduce((sum, problem) => sum + score[problem]!, 0) / kind.length;
  const sorted = kinds
    .map((kind) => ({ kind, mean: meanOf(kind) }))
    .toSorted((a, b) => a.mean - b.mean || a.kind[0]! - b.kind[0]!);
  let [group, size, left] = [0, 0, groups.length];
  for (const { kind } of sorted) {
    // A remainder too small for a group joins the last group.
    if (size >= fewest && left >= fewest) [group, size] = [group + 1, 0];
    for (const problem of kind) groups[problem] = group;
    size += kind.length;
    left -= kind.length;
  }
  return groups;
}

function quantiles(problems: readonly number[], score: Float64Array, count: number): number[][] {
  const sorted = problems.toSorted((a, b) => score[a]! - score[b]! || a - b);
  const edge = (i: number): number => Math.floor((i * sorted.length) / count);
  return Array.from({ length: count }, (_, i) => sorted.slice(edge(i), edge(i + 1)));
}
