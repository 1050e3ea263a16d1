import { createRng, type Rng } from '../../core/rng.ts';
import { betaPosterior, betaQuantile, type BetaShape } from '../../statistics/beta.ts';
import { type Estimate, wilsonTrials } from '../../statistics/intervals.ts';
import { drawRatio } from '../../statistics/ratio.ts';
import { sortedQuantile, variance } from '../../statistics/summary.ts';
import { criticalBatch, type NoiseParts, updateProgress } from './critical-batch.ts';
import { createLiveShares, type LiveShares, type PooledTrials } from './live-share.ts';

/** Size of a training run, which limits how much selection can find and gain. */
export interface TrainingSize {
  /** Rollouts per group. */
  readonly groupSize: number;
  /** Number of groups rolled out per step. */
  readonly problemsPerStep: number;
  /** Number of groups in one optimizer update. */
  readonly problemsPerUpdate: number;
  /** Planned number of steps. */
  readonly steps: number;
  /** Number of problems in the pool; those with trials may be a sample of them. */
  readonly problems: number;
}

/** Speed-up of selection over uniform draws for equal numbers of rollouts, with 95 % intervals. */
export interface StagingWorth {
  /** Factor by which selection reduces the rollouts needed for equal progress, ≥ 1. */
  readonly speedup: Estimate;
  /** Share of live groups under uniform draws. */
  readonly liveUniform: Estimate;
  /** Share of live groups that selection can reach. */
  readonly liveSelected: Estimate;
  /** Live groups at which noise and signal of a gradient are equal; the upper end may be infinite. */
  readonly criticalBatch: Estimate;
  /** False if no gradients were measured and `unmeasuredBatch` was assumed. */
  readonly isBatchMeasured: boolean;
  /** Number of trial records behind the shares, one per problem or visit; absent if a sampler measured the shares. */
  readonly records?: number;
}

/** The sampler that the estimate assumes: `auto`. */
const assumedSampler = {
  /** Share of uniform draws. */
  explore: 0.2,
  /** Exponent of the live probability. */
  exponent: 4,
  /** Number of steps for which the evidence of a cell lasts. */
  memorySteps: 10,
} as const;

/**
 * Range of the critical batch if it was not measured, in live groups: the demo's interval is 160–1600; the
 * lower end is a tenth of it.
 */
const unmeasuredBatch = { low: 16, high: 1600 } as const;

/** Number of worlds drawn for the intervals, whose ends vary by about 5 % of the width between seeds. */
const worlds = 200;
/** Maximum number of problems to resample; more would only narrow an interval that is already narrow. */
const mostResampled = 2000;

/**
 * Returns the speed-up, for equal rollouts, of raising the share of live groups from `liveUniform` to
 * `liveSelected`: the ratio of `updateProgress`.
 *
 * @param critical b_c in live groups; infinite: the root of the ratio of the shares.
 * @param groups number of groups of one update.
 */
export function speedup(critical: number, groups: number, liveUniform: number, liveSelected: number): number {
  if (critical === Infinity) return Math.sqrt(liveSelected / liveUniform);
  return updateProgress(groups * liveSelected, critical) / updateProgress(groups * liveUniform, critical);
}

/**
 * Estimates how much staging gains on a pool. Each of many simulated worlds draws the uniform share from its Beta
 * posterior, the selected shares from a resample of the problems, and the critical batch from its confidence
 * distribution; intervals are quantiles over worlds, and estimates are medians.
 *
 * @param pool problems with trials: the complete pool or a uniform sample of it; not empty.
 * @param noise noise and signal of split batches, measured with about the current weights; fewer than two count as
 * unmeasured.
 */
export function stagingWorth(
  pool: readonly PooledTrials[],
  noise: readonly NoiseParts[],
  size: TrainingSize,
  seed = 0,
): StagingWorth {
  const rng = createRng(seed, 'staging-worth');
  const sample = pool.length > mostResampled ? rng.shuffle(pool).slice(0, mostResampled) : pool;
  const { groupSize, problemsPerStep, problemsPerUpdate, problems } = size;
  const { explore, exponent } = assumedSampler;
  const density = Math.min(1, ((1 - explore) * problemsPerStep) / Math.max(problems, pool.length));
  const sharesOf = createLiveShares(sample, { groupSize, density, exponent });
  const found = sharesOf();
  const resamples = Array.from({ length: worlds }, () => sharesOf(resample(sample.length, rng)));
  const error = variance(resamples.map(({ uniform }) => uniform));
  const cells = new Set(pool.map(({ cell }) => cell)).size;
  const drawBatch = batchDraws(noise, rng);
  const drawn = resamples.map((resampled): World => {
    const uniform = drawShare(found.uniform, error, sample.length, rng);
    const selected = reachableShare({ ...resampled, uniform }, cells, size);
    const batch = drawBatch();
    return { uniform, selected, batch, speedup: speedup(batch, problemsPerUpdate, uniform, selected) };
  });
  return { ...summarise(drawn, noise), records: pool.length };
}

/**
 * Live shares that a sampler with a control group measured, in its uniform draws and in its selected draws, with 95 %
 * Wilson intervals.
 */
export interface MeasuredShares {
  /** Share of the batch that the sampler draws; 1 without a mix of domains. */
  readonly weight: number;
  readonly uniform: Estimate;
  readonly selected: Estimate;
  /** Share of the sampler's draws that are uniform. */
  readonly uniformShare: number;
}

/**
 * Estimates how much selection gains from the shares that samplers measured themselves. The speed-up is below 1 if
 * selection finds fewer live groups than uniform draws.
 *
 * @param measured one for each sampler of the stage, i.e. one per domain of a mix, whose uniform draws keep the mix.
 * @param problemsPerUpdate groups of one optimizer update.
 */
export function measuredWorth(
  measured: readonly MeasuredShares[],
  noise: readonly NoiseParts[],
  problemsPerUpdate: number,
  seed = 0,
): StagingWorth {
  const rng = createRng(seed, 'measured-worth');
  const drawBatch = batchDraws(noise, rng);
  const posteriors = measured.map((one) => ({
    ...one,
    uniform: posteriorOf(one.uniform),
    selected: posteriorOf(one.selected),
  }));
  const drawn = Array.from({ length: worlds }, (): World => {
    let [alone, mixed] = [0, 0];
    for (const { weight, uniform, selected, uniformShare } of posteriors) {
      const [share, chosen] = [betaQuantile(uniform, rng.next()), betaQuantile(selected, rng.next())];
      alone += weight * share;
      mixed += weight * (uniformShare * share + (1 - uniformShare) * chosen);
    }
    const batch = drawBatch();
    return {
      uniform: alone,
      selected: mixed,
      batch,
      speedup: speedup(batch, problemsPerUpdate, alone, mixed),
    };
  });
  return summarise(drawn, noise);
}

/** Returns the posterior of a share, from Jeffreys' prior and the number of trials that its interval implies. */
const posteriorOf = (share: Estimate): BetaShape =>
  betaPosterior(share.mean * wilsonTrials(share), wilsonTrials(share));

/** One draw of the quantities behind an estimate. */
interface World {
  readonly uniform: number;
  readonly selected: number;
  readonly batch: number;
  readonly speedup: number;
}

function summarise(drawn: readonly World[], noise: readonly NoiseParts[]): StagingWorth {
  const estimate = (key: keyof World): Estimate => {
    const sorted = drawn.map((world) => world[key]).toSorted((a, b) => a - b);
    const at = (p: number): number => finiteQuantile(sorted, p);
    return { mean: at(0.5), low: at(0.025), high: at(0.975) };
  };
  const isBatchMeasured = noise.length > 1;
  return {
    speedup: estimate('speedup'),
    liveUniform: estimate('uniform'),
    liveSelected: estimate('selected'),
    criticalBatch: isBatchMeasured ? criticalBatch(noise) : estimate('batch'),
    isBatchMeasured,
  };
}

/**
 * Returns the share of live groups that selection reaches over a training run. In the first pass over the
 * pool, selection knows only cells, and only as many as uniform draws keep up to date. In later passes, it
 * knows each problem's own record.
 */
export function reachableShare(
  { uniform, byCell, byProblem }: LiveShares,
  cells: number,
  { problemsPerStep, steps, problems }: TrainingSize,
): number {
  const { explore, memorySteps } = assumedSampler;
  const fresh = Math.min(1, (explore * problemsPerStep * memorySteps) / Math.max(1, cells));
  const first = uniform + fresh * Math.max(0, byCell - uniform);
  const passes = (problemsPerStep * steps) / problems;
  const found = passes <= 1 ? first : (first + (passes - 1) * Math.max(first, byProblem)) / passes;
  return explore * uniform + (1 - explore) * found;
}

/** Counts how often each of `count` problems is drawn in `count` draws with replacement. */
function resample(count: number, rng: Rng): Float64Array {
  const counts = new Float64Array(count);
  for (let draw = 0; draw < count; draw++) counts[Math.floor(rng.next() * count)]!++;
  return counts;
}

/**
 * Draws a share from a Beta posterior with Jeffreys' prior and the number of Bernoulli trials that gives the
 * same error. Unlike a resample, the draw stays above 0 if no live group was seen.
 */
function drawShare(share: number, error: number, count: number, rng: Rng): number {
  const inside = Math.min(1, Math.max(0, share));
  const trials = error > 0 ? (inside * (1 - inside)) / error : count;
  return betaQuantile({ alpha: 0.5 + trials * inside, beta: 0.5 + trials * (1 - inside) }, rng.next());
}

function batchDraws(parts: readonly NoiseParts[], rng: Rng): () => number {
  const [noise, signal] = [parts.map((part) => part.noise), parts.map((part) => part.signal)];
  const { low, high } = unmeasuredBatch;
  return parts.length > 1 ? () => drawRatio(noise, signal, rng) : () => low * (high / low) ** rng.next();
}

/** Returns a quantile of sorted values, the last of which may be infinite. */
function finiteQuantile(sorted: readonly number[], p: number): number {
  const value = sortedQuantile(sorted, p);
  return Number.isNaN(value) ? Infinity : value;
}
