import type { ScoredGroup } from '../algorithms/scored-group.ts';
import { mean, quantile, standardDeviation, sum } from '../core/statistics.ts';
import { outcomes } from '../core/verdict.ts';
import { countTrials } from '../difficulty/trials.ts';
import type { LossStats, StepStats } from '../engines/engine.ts';

/** Named numbers of one step; an absent key was not measured. */
export type Metrics = Record<string, number>;

/**
 * What one batch of rollouts looked like, before any gate: rewards, verdicts, lengths, signal.
 * Lengths are in tokens; shares are in [0, 1].
 */
export function rolloutMetrics(groups: readonly ScoredGroup[]): Metrics {
  const rollouts = groups.flatMap((group) => group.rollouts);
  const rewards = groups.flatMap(rewardsOf);
  const lengths = rollouts.map(({ tokens }) => tokens.length);
  const metrics: Metrics = {
    'rollout/count': rollouts.length,
    'rollout/tokens': sum(lengths),
    ...measured('reward/mean', rewards, mean),
    ...(rewards.length < 2 ? {} : measured('reward/std', rewards, standardDeviation)),
    ...measured('rollout/length/mean', lengths, mean),
    ...measured('rollout/length/p95', lengths, (all) => quantile(all, 0.95)),
    ...measured('rollout/length/max', lengths, (all) => Math.max(...all)),
    ...measured(
      'rollout/truncated',
      rollouts,
      shareOf(({ finishReason }) => finishReason === 'length'),
    ),
  };
  for (const outcome of outcomes) {
    const share = shareOf<(typeof rollouts)[number]>(({ verdict }) => verdict.outcome === outcome);
    Object.assign(metrics, measured(`verdict/${outcome}`, rollouts, share));
  }
  return { ...metrics, ...signalMetrics(groups), ...domainMetrics(groups) };
}

/** Shares of groups that were solved always, never or sometimes: only mixed groups carry a signal. */
function signalMetrics(groups: readonly ScoredGroup[]): Metrics {
  const graded = groups.map(rewardsOf).filter(({ length }) => length > 0);
  return {
    ...measured('group/zeroAdvantage', graded, shareOf(isEqual)),
    ...measured(
      'group/solved',
      graded,
      shareOf((rewards) => isEqual(rewards) && rewards[0]! >= 1),
    ),
    ...measured(
      'group/unsolved',
      graded,
      shareOf((rewards) => isEqual(rewards) && rewards[0]! <= 0),
    ),
  };
}

const isEqual = (rewards: readonly number[]): boolean => rewards.every((reward) => reward === rewards[0]);

function domainMetrics(groups: readonly ScoredGroup[]): Metrics {
  const metrics: Metrics = {};
  for (const [domain, members] of Map.groupBy(groups, ({ problem }) => problem.domain)) {
    Object.assign(metrics, measured(`reward/${metricWord(domain)}/mean`, members.flatMap(rewardsOf), mean));
  }
  return metrics;
}

/** Pass rates of one batch by level: `level/medium/passRate`. Problems without a level are left out. */
export function levelMetrics(groups: readonly ScoredGroup[], levels: ReadonlyMap<string, string>): Metrics {
  const metrics: Metrics = {};
  for (const [level, members] of Map.groupBy(groups, ({ problem }) => levels.get(problem.id))) {
    const { successes, trials } = countTrials(members.flatMap(verdictsOf));
    if (level !== undefined && trials > 0)
      metrics[`level/${metricWord(level)}/passRate`] = successes / trials;
  }
  return metrics;
}

const verdictsOf = ({ rollouts }: ScoredGroup) => rollouts.map(({ verdict }) => verdict);

/** One optimizer update that was made. */
export interface Update {
  readonly loss: LossStats;
  readonly update: StepStats;
}

/**
 * What the optimiser did with one batch, in one update or several. `policy/…` means are over the tokens that carried
 * weight. How far sampler and trainer are apart shows in the first update alone: later the policy has moved on.
 */
export function learningMetrics(updates: readonly Update[], learningRate: number): Metrics {
  const losses = updates.map(({ loss }) => loss);
  const tokens = sum(losses.map((loss) => loss.tokens));
  const overTokens = (name: string, pick: (loss: LossStats) => number | undefined): Metrics => {
    const parts = losses.map((loss) => pick(loss)).filter((part) => part !== undefined);
    if (parts.length < Math.max(1, losses.length)) return {};
    return {
      [name]:
        parts.length === 1 ? parts[0]! : sum(losses.map((loss) => (pick(loss)! * loss.tokens) / tokens)),
    };
  };
  const { mismatchKl, maxProbabilityGap } = losses[0] ?? {};
  return {
    ...measured(
      'optim/loss',
      losses.map(({ loss }) => loss),
      mean,
    ),
    'optim/learningRate': learningRate,
    ...measured(
      'optim/gradNorm',
      updates.map(({ update }) => update.gradNorm),
      mean,
    ),
    'batch/tokens': tokens,
    'batch/sequences': sum(losses.map((loss) => loss.sequences)),
    ...overTokens('policy/entropy', ({ entropy }) => entropy),
    ...overTokens('policy/kl', ({ kl }) => kl),
    ...overTokens('policy/clipLow', ({ clipLow }) => clipLow),
    ...overTokens('policy/clipHigh', ({ clipHigh }) => clipHigh),
    ...(mismatchKl === undefined ? {} : { 'policy/mismatchKl': mismatchKl }),
    ...(maxProbabilityGap === undefined ? {} : { 'policy/maxProbabilityGap': maxProbabilityGap }),
  };
}

/** What an engine measured of its own work, by the names under which a run keeps it. */
export const engineMetrics = (figures: Readonly<Record<string, number>>): Metrics =>
  Object.fromEntries(Object.entries(figures).map(([name, value]) => [`engine/${metricWord(name)}`, value]));

/** Rewards of the rollouts that could be judged. */
export const rewardsOf = ({ rewards }: ScoredGroup): number[] => rewards.filter((reward) => reward !== null);

/** A free name (of a domain, a level) as a part of a metric's name. */
export const metricWord = (name: string): string => name.replaceAll(/[^\w@.+/-]/g, '_');

const measured = <T>(name: string, items: readonly T[], figure: (items: readonly T[]) => number): Metrics =>
  items.length === 0 ? {} : { [name]: figure(items) };

const shareOf =
  <T>(test: (item: T) => boolean) =>
  (items: readonly T[]): number =>
    mean(items.map((item) => Number(test(item))));
