import { judgedRollouts, type ScoredGroup } from '../../algorithms/scored-group.ts';
import type { TrainingSequence } from '../../core/batch.ts';
import { finishReasonOf, writtenTokens } from '../../core/rollout.ts';
import { mean, quantile, standardDeviation, sum } from '../../statistics/summary.ts';
import { outcomes } from '../../core/verdict.ts';
import { commonestAnswer, excessOf } from './commonest-answer.ts';
import { otherFormShare } from '../../verifiers/answer-differences.ts';
import type { RolledBatch } from './collect-batch.ts';
import { turnMetrics } from './turn-metrics.ts';
import { countTrials } from '../../difficulty/pass-rates/trials.ts';
import type { LossStats, StepStats } from '../../engines/engine.ts';

/** Metrics of one step by name; a metric that was not measured is absent. */
export type Metrics = Record<string, number>;

/**
 * Returns metrics of one batch of rollouts before any gate: rewards, verdicts, lengths and signal.
 * Lengths are in tokens; shares are in [0, 1].
 */
export function rolloutMetrics(groups: readonly ScoredGroup[]): Metrics {
  const rollouts = groups.flatMap((group) => group.rollouts);
  const rewards = groups.flatMap(rewardsOf);
  const lengths = rollouts.map(writtenTokens);
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
      shareOf((rollout) => finishReasonOf(rollout) === 'length'),
    ),
  };
  for (const outcome of outcomes) {
    const share = shareOf<(typeof rollouts)[number]>(({ verdict }) => verdict.outcome === outcome);
    Object.assign(metrics, measured(`verdict/${outcome}`, rollouts, share));
  }
  const otherForm = otherFormShare(rollouts.map(({ verdict }) => verdict));
  if (otherForm !== undefined) metrics['verdict/otherForm'] = otherForm;
  const commonest = commonestAnswer(groups);
  const answers: Metrics = commonest === null ? {} : { 'answer/commonestExcess': excessOf(commonest) };
  return {
    ...metrics,
    ...turnMetrics(rollouts),
    ...answers,
    ...signalMetrics(groups),
    ...domainMetrics(groups),
  };
}

/**
 * Returns the shares of groups in which all, no or some rollouts are correct; only groups with some have a training signal.
 */
function signalMetrics(groups: readonly ScoredGroup[]): Metrics {
  const graded = groups.filter((group) => rewardsOf(group).length > 0);
  const shareWithout = (signal: (group: ScoredGroup) => boolean) =>
    shareOf<ScoredGroup>((group) => group.isZeroAdvantage && signal(group));
  return {
    ...measured(
      'group/zeroAdvantage',
      graded,
      shareWithout(() => true),
    ),
    ...measured(
      'group/solved',
      graded,
      shareWithout((group) => rewardsOf(group).every((reward) => reward >= 1)),
    ),
    ...measured(
      'group/unsolved',
      graded,
      shareWithout((group) => rewardsOf(group).every((reward) => reward <= 0)),
    ),
  };
}

function domainMetrics(groups: readonly ScoredGroup[]): Metrics {
  const metrics: Metrics = {};
  for (const [domain, members] of Map.groupBy(groups, ({ problem }) => problem.domain)) {
    Object.assign(metrics, measured(`reward/${metricWord(domain)}/mean`, members.flatMap(rewardsOf), mean));
  }
  return metrics;
}

/** Returns pass rates of one batch by level, e.g. `level/medium/passRate`. Omits problems without a level. */
export function levelMetrics(groups: readonly ScoredGroup[], levels: ReadonlyMap<string, string>): Metrics {
  const metrics: Metrics = {};
  for (const [level, members] of Map.groupBy(groups, ({ problem }) => levels.get(problem.id))) {
    const { successes, trials } = countTrials(members.flatMap(verdictsOf));
    if (level !== undefined && trials > 0)
      metrics[`level/${metricWord(level)}/passRate`] = successes / trials;
  }
  return metrics;
}

/** Returns the sizes of a batch: numbers of groups admitted, groups rolled out and extra rounds. */
export const batchMetrics = ({ groups, admitted, refills }: RolledBatch): Metrics => ({
  'batch/problems': admitted.length,
  'batch/triedProblems': groups.length,
  'batch/refills': refills,
});

/** Returns metrics of how many steps off-policy the admitted groups are. */
export const ageMetrics = ({ admitted }: RolledBatch): Metrics => {
  const ages = admitted.map(({ offPolicySteps }) => offPolicySteps);
  return {
    ...measured('rollout/offPolicySteps/mean', ages, mean),
    ...measured('rollout/offPolicySteps/max', ages, (all) => Math.max(...all)),
  };
};

const verdictsOf = ({ rollouts }: ScoredGroup) => rollouts.map(({ verdict }) => verdict);

/** One applied optimizer update. */
export interface Update {
  readonly loss: LossStats;
  readonly update: StepStats;
}

/**
 * Returns metrics of the one or more optimizer updates on one batch. `policy/…` metrics are means over
 * tokens with non-zero weight.
 * @param later sequences of the updates after the first, with the log-probabilities of the policy before the
 * first update.
 */
export function learningMetrics(
  updates: readonly Update[],
  later: readonly TrainingSequence[],
  learningRate: number,
): Metrics {
  const losses = updates.map(({ loss }) => loss);
  const gradNorms = updates.flatMap(({ update }) => update.gradNorm ?? []);
  return {
    ...measured(
      'optim/loss',
      losses.map(({ loss }) => loss),
      mean,
    ),
    'optim/learningRate': learningRate,
    ...measured('optim/gradNorm', gradNorms, mean),
    'batch/tokens': sum(losses.map(({ tokens }) => tokens)),
    'batch/sequences': sum(losses.map(({ sequences }) => sequences)),
    ...meanOverTokens('policy/entropy', losses, ({ entropy }) => entropy),
    ...meanOverTokens('policy/kl', losses, ({ kl }) => kl),
    ...meanOverTokens('policy/clipLow', losses, ({ clipLow }) => clipLow),
    ...meanOverTokens('policy/clipHigh', losses, ({ clipHigh }) => clipHigh),
    ...samplerGap(losses[0], later),
  };
}

function meanOverTokens(
  name: string,
  losses: readonly LossStats[],
  pick: (loss: LossStats) => number | undefined,
): Metrics {
  const parts = losses.flatMap((loss) => {
    const value = pick(loss);
    return value === undefined ? [] : [{ value, tokens: loss.tokens }];
  });
  if (parts.length === 0) return {};
  // Keep exactly the measured bits.
  if (parts.length === 1) return { [name]: parts[0]!.value };
  const weighted = sum(parts.map(({ value, tokens }) => value * tokens));
  return { [name]: weighted / sum(parts.map(({ tokens }) => tokens)) };
}

/**
 * Measures the mismatch between sampler and trainer for the policy that wrote the rollouts, that is, before any update
 * changed it.
 */
function samplerGap(first: LossStats | undefined, later: readonly TrainingSequence[]): Metrics {
  if (first?.mismatchKl === undefined) return {};
  const { mismatchKl, maxProbabilityGap = 0 } = first;
  let [apart, tokens, most] = [mismatchKl * first.tokens, first.tokens, maxProbabilityGap];
  for (const { weights, rolloutLogprobs, policyLogprobs } of later) {
    for (const [t, weight] of weights.entries()) {
      if (weight === 0) continue;
      const [sampled, scored] = [rolloutLogprobs[t]!, policyLogprobs![t]!];
      apart += sampled - scored;
      tokens++;
      most = Math.max(most, Math.abs(Math.exp(scored) - Math.exp(sampled)));
    }
  }
  return {
    'policy/mismatchKl': later.length === 0 ? mismatchKl : apart / tokens,
    ...(first.maxProbabilityGap !== undefined && { 'policy/maxProbabilityGap': most }),
  };
}

/** Returns the values that an engine measures about its own work, under their metric names in a run. */
export const engineMetrics = (figures: Readonly<Record<string, number>>): Metrics =>
  Object.fromEntries(Object.entries(figures).map(([name, value]) => [`engine/${metricWord(name)}`, value]));

/** Returns the rewards of the rollouts that could be judged. */
const rewardsOf = (group: ScoredGroup): number[] => judgedRollouts(group).map(({ reward }) => reward);

/** Converts the name of a domain or level to a part of a metric name. */
export const metricWord = (name: string): string => name.replaceAll(/[^\w@.+/-]/g, '_');

const measured = <T>(name: string, items: readonly T[], figure: (items: readonly T[]) => number): Metrics =>
  items.length === 0 ? {} : { [name]: figure(items) };

const shareOf =
  <T>(test: (item: T) => boolean) =>
  (items: readonly T[]): number =>
    mean(items.map((item) => Number(test(item))));
