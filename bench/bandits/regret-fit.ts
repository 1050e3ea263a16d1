import { type Bandit, meansAt } from '../../src/core/bandit/bandit.ts';
import { randomRegretsOf, regretsOf, type BanditEpisode } from '../../src/core/bandit/regret.ts';
import { DataError } from '../../src/core/errors.ts';
import { createRng, type Rng } from '../../src/core/rng.ts';
import { type Estimate } from '../../src/statistics/intervals.ts';
import { mean, sortedQuantile } from '../../src/statistics/summary.ts';

/**
 * A fit of the mean cumulative regret after T turns, as in EVOLvE (arXiv 2410.06238):
 *
 *     R(T) = λ · (ln T)^α + β · T + c,   λ, β ≥ 0
 *
 * A player with β > 0 never stops making mistakes.
 */
export interface RegretFit {
  /** Regret per turn that persists forever, with its 95 % bootstrap interval over episodes. */
  readonly beta: Estimate;
  readonly alpha: number;
  readonly lambda: number;
  /** Root of the mean squared residual. */
  readonly residual: number;
  /** `linear`: β is not negligible; `sub-linear`: β is negligible; `cannot tell`: see `reason`. */
  readonly verdict: 'linear' | 'sub-linear' | 'cannot tell';
  readonly reason: string;
}

/** Options of a fit. */
export interface RegretFitOptions {
  /** Seed of the bootstrap. */
  readonly seed: number;
  /** Number of bootstrap resamples; default 200. */
  readonly resamples?: number;
}

/** β below this share of the random player's regret per turn is negligible. */
const negligible = 0.05;
/** Number of evenly spaced turns at which the curve is read. */
const points = 60;
/** Candidates for α. */
const alphas = Array.from({ length: 30 }, (_, i) => (i + 1) / 10);

/**
 * Fits the regret of episodes of equal length.
 *
 * @throws DataError for fewer than two episodes, or different lengths.
 */
export function fitRegret(
  episodes: readonly BanditEpisode[],
  { seed, resamples = 200 }: RegretFitOptions,
): RegretFit {
  const turns = episodes[0]?.bandit.turns ?? 0;
  if (episodes.length < 2 || episodes.some(({ bandit }) => bandit.turns !== turns))
    throw new DataError(
      `expected at least two episodes of equal length, got ${episodes.length} episodes of ${[...new Set(episodes.map(({ bandit }) => bandit.turns))].join(', ')} turns`,
    );
  const times = readingTimes(turns);
  const curves = episodes.map((episode) => readCurve(regretsOf(episode), times));
  const design = alphas.map((alpha) => ({ alpha, x: times.map((time) => Math.log(time) ** alpha) }));
  const whole = fitCurve(meanCurve(curves), times, design);
  const rng = createRng(seed, 'regret-fit');
  const betas = Float64Array.from(
    { length: resamples },
    () => fitCurve(meanCurve(resample(curves, rng)), times, design).beta,
  ).toSorted();
  const beta = {
    mean: whole.beta,
    low: sortedQuantile(betas, 0.025),
    high: sortedQuantile(betas, 0.975),
  };
  const { alpha, lambda, residual } = whole;
  return { beta, alpha, lambda, residual, ...judge(episodes, beta) };
}

function judge(
  episodes: readonly BanditEpisode[],
  { low, high }: Estimate,
): Pick<RegretFit, 'verdict' | 'reason'> {
  const { turns } = episodes[0]!.bandit;
  const perTurn = mean(episodes.map(({ bandit }) => mean(randomRegretsOf(bandit))));
  const limit = negligible * perTurn;
  const shown = `β in [${low.toPrecision(2)}, ${high.toPrecision(2)}], negligible below ${limit.toPrecision(2)}`;
  if (high < limit) return { verdict: 'sub-linear', reason: shown };
  const needed = mean(episodes.map(({ bandit }) => explorationTurns(bandit)));
  if (needed > turns / 2)
    return {
      verdict: 'cannot tell',
      reason: `within ${turns} turns even an optimal player explores for about ${Math.round(needed)}; ${shown}`,
    };
  return low > limit
    ? { verdict: 'linear', reason: shown }
    : { verdict: 'cannot tell', reason: `${shown}: play more turns or more episodes` };
}

/**
 * Returns a lower bound on the number of turns that any player with sub-linear regret on all bandits of the kind spends
 * on arms other than the best: Σ ln T / KL(arm, best) of Lai & Robbins (1985). Within that many turns, the player's
 * regret looks linear. Returns 0 for contextual bandits.
 */
export function explorationTurns(bandit: Bandit): number {
  if (bandit.type === 'contextual') return 0;
  const means = meansAt(bandit, 0);
  const best = Math.max(...means);
  return means
    .filter((one) => one < best)
    .reduce((sum, one) => sum + Math.log(bandit.turns) / divergence(bandit, one, best), 0);
}

function divergence(bandit: Exclude<Bandit, { type: 'contextual' }>, from: number, to: number): number {
  if (bandit.type === 'gaussian') return (from - to) ** 2 / (2 * bandit.deviation ** 2);
  const term = (p: number, q: number): number => (p === 0 ? 0 : p * Math.log(p / q));
  return term(from, to) + term(1 - from, 1 - to);
}

const readingTimes = (turns: number): number[] => {
  const count = Math.min(points, turns);
  return Array.from({ length: count }, (_, i) => Math.round(((i + 1) * turns) / count));
};

/** Returns the cumulative regret at the given turns (1-based). */
function readCurve(regrets: Float64Array, times: readonly number[]): Float64Array {
  let total = 0;
  const cumulative = regrets.map((regret) => (total += regret));
  return Float64Array.from(times, (time) => cumulative[time - 1]!);
}

const resample = (curves: readonly Float64Array[], rng: Rng): Float64Array[] =>
  curves.map(() => rng.pick(curves));

function meanCurve(curves: readonly Float64Array[]): Float64Array {
  const total = new Float64Array(curves[0]!.length);
  for (const curve of curves) for (let i = 0; i < total.length; i++) total[i]! += curve[i]!;
  return total.map((value) => value / curves.length);
}

interface CurveFit {
  readonly alpha: number;
  readonly lambda: number;
  readonly beta: number;
  readonly residual: number;
}

/** Fits by least squares over a grid of α, with non-negative λ and β, which avoids local minima. */
function fitCurve(
  curve: Float64Array,
  times: readonly number[],
  design: readonly { readonly alpha: number; readonly x: readonly number[] }[],
): CurveFit {
  let best: CurveFit | undefined;
  for (const { alpha, x } of design) {
    const fit = { alpha, ...fitNonNegative(x, times, curve) };
    if (best === undefined || fit.residual < best.residual) best = fit;
  }
  return best!;
}

/** Fits y ≈ λ x + β t + c with λ, β ≥ 0: returns the best feasible fit among those with both, one or neither of λ and
 * β. */
function fitNonNegative(
  x: readonly number[],
  t: readonly number[],
  y: Float64Array,
): Omit<CurveFit, 'alpha'> {
  const [dx, dt, dy] = [x, t, y].map(centred) as [Float64Array, Float64Array, Float64Array];
  const [xx, tt, xt, xy, ty] = [dot(dx, dx), dot(dt, dt), dot(dx, dt), dot(dx, dy), dot(dt, dy)];
  const determinant = xx * tt - xt * xt;
  const candidates = [
    [(xy * tt - ty * xt) / determinant, (ty * xx - xy * xt) / determinant],
    [xy / xx, 0],
    [0, ty / tt],
    [0, 0],
  ] as const;
  const feasible = candidates.filter(([lambda, beta]) => lambda >= 0 && beta >= 0);
  const squares = feasible.map(
    ([lambda, beta]) =>
      dy.reduce((sum, value, i) => sum + (value - lambda * dx[i]! - beta * dt[i]!) ** 2, 0) / dy.length,
  );
  const least = squares.indexOf(Math.min(...squares));
  const [lambda, beta] = feasible[least]!;
  return { lambda, beta, residual: Math.sqrt(squares[least]!) };
}

function centred(values: ArrayLike<number>): Float64Array {
  const centre = mean(values);
  return Float64Array.from(values, (value) => value - centre);
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
