import type { Trials } from '../../difficulty/pass-rates/trials.ts';
import { fitMixture, type RecordCount } from '../../difficulty/probing/fit-mixture.ts';
import { componentMass, createOutcomeTable, recordIndex } from '../../difficulty/probing/outcome-table.ts';
import { probingTuning } from '../../difficulty/probing/tuning.ts';
import { betaCdf } from '../../statistics/beta.ts';
import { selectedShare } from './selected-share.ts';

/**
 * Trials of one problem, and the cell with whose problems it shares evidence: family × knob, source × level, or none.
 */
export interface PooledTrials extends Trials {
  readonly cell: string;
}

/** Settings that describe how groups are drawn from a pool. */
export interface Drawing {
  /** Rollouts per group. */
  readonly groupSize: number;
  /** Share of the pool that selection draws in one step, in (0, 1]; no problem appears twice in a step. */
  readonly density: number;
  /** Problems are drawn in proportion to this power of their live probability. */
  readonly exponent: number;
}

/** Expected shares of live groups, in [0, 1], by the information available when problems are chosen. */
export interface LiveShares {
  /** No information: uniform draws. */
  readonly uniform: number;
  /** The mean of the problem's cell, estimated from the cell's other problems. */
  readonly byCell: number;
  /** The pass rate of every problem. */
  readonly byProblem: number;
}

/**
 * Returns the probability that a group at pass rate `p` has both correct and incorrect rollouts, that is, is
 * live.
 */
export function liveProbability(p: number, groupSize: number): number {
  return 1 - p ** groupSize - (1 - p) ** groupSize;
}

/**
 * Returns the unbiased estimate of `liveProbability` from a fixed number of trials, at least `groupSize`: the share of
 * mixed groups among all groups of `groupSize` that can be formed from these trials.
 */
export function unbiasedLive({ successes, trials }: Trials, groupSize: number): number {
  const allOf = (count: number): number => {
    let share = 1;
    for (let i = 0; i < groupSize; i++) share *= Math.max(0, count - i) / (trials - i);
    return share;
  };
  return 1 - allOf(successes) - allOf(trials - successes);
}

/** Larger counts are scaled down to this many trials at the same rate, which bounds the table of outcomes. */
const mostTrials = 64;

/**
 * Creates an estimator of the live shares of a pool from the pool or a sample of it. The estimator takes a count for
 * each problem: 1 for the estimate, resampled counts for its error.
 *
 * If every problem has the same number of trials, at least `groupSize`, the uniform share is the mean of
 * `unbiasedLive`. Otherwise, it is the posterior mean under a mixture of Beta shapes fitted to the pool. This
 * is the case after adaptive probing, where outcomes decide the number of trials. The posterior does not
 * depend on why trials were made.
 */
export function createLiveShares(
  pool: readonly PooledTrials[],
  drawing: Drawing,
): (counts?: ArrayLike<number>) => LiveShares {
  const { groupSize } = drawing;
  const records = pool.map(shortened);
  const fewest = Math.min(...records.map(({ trials }) => trials));
  const most = Math.max(...records.map(({ trials }) => trials));
  const isFixed = fewest === most && fewest >= groupSize;
  const table = createOutcomeTable([], most + groupSize);
  const rates = rateGrid();
  const gridMass = componentGrid(rates);
  const live = rates.middles.map((p) => liveProbability(p, groupSize));
  const grow = (exponent: number) => Float64Array.from(live, (value) => value ** exponent);
  const liveWeights = grow(drawing.exponent);
  let whole: Float64Array | undefined;

  return (counts = new Float64Array(pool.length).fill(1)) => {
    const tally = countRecords(records, counts);
    // A resample starts from the mixture weights of the complete pool, which count as one problem.
    const shares: Float64Array = whole
      ? fitMixture(table, tally, { shares: whole, weight: 1 }, resampleRounds)
      : fitMixture(table, tally);
    whole ??= shares;
    const expected = new Map(
      tally.map(({ successes, attempts }) => {
        const mass = (s: number, n: number): number => {
          const index = recordIndex(s, n);
          return shares.reduce((total, share, c) => total + share * componentMass(table, index, c), 0);
        };
        const dead =
          mass(successes, attempts + groupSize) + mass(successes + groupSize, attempts + groupSize);
        return [recordIndex(successes, attempts), 1 - dead / mass(successes, attempts)] as const;
      }),
    );
    const posterior = records.map(
      ({ successes, trials }) => expected.get(recordIndex(successes, trials)) ?? 0,
    );
    const values = isFixed ? records.map((record) => unbiasedLive(record, groupSize)) : posterior;
    const uniform = weightedMean(values, counts);
    const cells = cellMeans(pool, posterior, counts);
    const masses = rates.middles.map((_, k) =>
      shares.reduce((total, share, c) => total + share * gridMass[c]![k]!, 0),
    );
    const { density, exponent } = drawing;
    const byCell = selectedShare(
      { masses: counts, weights: cells.map((mean) => mean ** exponent), values },
      density,
    );
    const byProblem = selectedShare({ masses, weights: liveWeights, values: live }, density);
    return { uniform, byCell: Math.max(uniform, byCell), byProblem: Math.max(uniform, byCell, byProblem) };
  };
}

/** Rounds of expectation maximisation for a resample, which starts near its solution. */
const resampleRounds = 40;

function shortened({ successes, trials }: Trials): Trials {
  if (trials <= mostTrials) return { successes: Math.round(successes), trials: Math.round(trials) };
  return { successes: Math.round((successes / trials) * mostTrials), trials: mostTrials };
}

function countRecords(records: readonly Trials[], counts: ArrayLike<number>): RecordCount[] {
  const tally = new Map<number, RecordCount>();
  records.forEach(({ successes, trials }, i) => {
    if (counts[i] === 0) return;
    const key = recordIndex(successes, trials);
    const problems = (tally.get(key)?.problems ?? 0) + counts[i]!;
    tally.set(key, { successes, attempts: trials, problems });
  });
  return [...tally.values()];
}

/**
 * Returns, for each problem, the mean over the other problems of its cell and one pseudo-problem at the
 * pool's mean. The problem itself is excluded, because a sampler that sees it for the first time has no
 * evidence from it.
 */
function cellMeans(
  pool: readonly PooledTrials[],
  values: readonly number[],
  counts: ArrayLike<number>,
): number[] {
  const totals = new Map<string, { value: number; count: number }>();
  pool.forEach(({ cell }, i) => {
    const total = totals.get(cell) ?? { value: 0, count: 0 };
    total.value += counts[i]! * values[i]!;
    total.count += counts[i]!;
    totals.set(cell, total);
  });
  const overall = weightedMean(values, counts);
  return pool.map(({ cell }, i) => {
    const { value, count } = totals.get(cell)!;
    return (value - counts[i]! * values[i]! + overall) / (count - counts[i]! + 1);
  });
}

function weightedMean(values: readonly number[], counts: ArrayLike<number>): number {
  let [total, weight] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    total += counts[i]! * values[i]!;
    weight += counts[i]!;
  }
  return total / weight;
}

/** Returns 64 intervals of pass rates, narrower towards 0 and 1, where live probabilities change fastest. */
function rateGrid(): { readonly edges: number[]; readonly middles: number[] } {
  const edges = Array.from({ length: 65 }, (_, j) => (1 - Math.cos((Math.PI * j) / 64)) / 2);
  return { edges, middles: edges.slice(1).map((edge, j) => (edge + edges[j]!) / 2) };
}

/**
 * Returns the mass of each mixture component in each interval: the Beta shapes, then "never", then "always".
 */
function componentGrid({ edges }: { readonly edges: readonly number[] }): Float64Array[] {
  const last = edges.length - 2;
  const beta = probingTuning.shapes.map((shape) => {
    const below = edges.map((edge) => betaCdf(shape, edge));
    return Float64Array.from({ length: last + 1 }, (_, k) => below[k + 1]! - below[k]!);
  });
  // "Never" and "always" are never live; the first and last intervals approximate them best.
  const end = (place: number): Float64Array =>
    Float64Array.from({ length: last + 1 }, (_, k) => Number(k === place));
  return [...beta, end(0), end(last)];
}
