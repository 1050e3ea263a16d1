import type { Rng } from '../../core/rng.ts';

/** An index with its key; larger keys are drawn first. */
interface Keyed {
  readonly index: number;
  readonly key: number;
}

/**
 * Draws up to `count` distinct indices with probability proportional to weight, without replacement, in one pass over
 * the weights and O(count · log(size / count)) random numbers: algorithm A-ExpJ of Efraimidis & Spirakis (2006), with
 * keys ln(u) / weight. Indices of weight 0 are never drawn.
 *
 * @param weightOf finite and ≥ 0 for each index below `size`.
 */
export function drawWeighted(
  count: number,
  size: number,
  weightOf: (index: number) => number,
  random: Rng,
): number[] {
  if (count <= 0) return [];
  const kept: Keyed[] = [];
  let least = 0;
  let skip = 0;
  const setThreshold = (): void => {
    least = 0;
    for (let at = 1; at < kept.length; at++) if (kept[at]!.key < kept[least]!.key) least = at;
    skip = Math.log(positive(random)) / kept[least]!.key;
  };
  for (let index = 0; index < size; index++) {
    const weight = weightOf(index);
    if (weight <= 0) continue;
    if (kept.length < count) {
      kept.push({ index, key: Math.log(positive(random)) / weight });
      if (kept.length === count) setThreshold();
      continue;
    }
    skip -= weight;
    if (skip > 0) continue;
    // Includes the index and draws its key above the threshold: ln(u) / weight with u uniform on
    // (exp(threshold · weight), 1).
    const above = Math.expm1(kept[least]!.key * weight);
    kept[least] = { index, key: Math.log1p(positive(random) * above) / weight };
    setThreshold();
  }
  return kept.toSorted((a, b) => b.key - a.key).map(({ index }) => index);
}

/**
 * Draws a uniform number from (0, 1), excluding both ends, so that its logarithm and that of its complement
 * are finite.
 */
const positive = (random: Rng): number => random.next() + 2 ** -33;
