import { ageMetrics } from './age-metrics.ts';
import type { MetricDescription } from './metric-description.ts';
import { samplerMetrics } from './sampler-metrics.ts';
import { startMetrics } from './start-metrics.ts';
import { turnMetrics } from './turn-metrics.ts';
import { worthMetrics } from './worth-metrics.ts';

export { type MetricGroup, metricGroups } from './metric-description.ts';

const described: readonly MetricDescription[] = [
  {
    key: 'answer/commonestExcess',
    title: 'Excess of the most common answer',
    group: 'signal',
    unit: 'share',
    formula:
      'largest over families with at least 4 problems in the step: share of the family’s answers that equal its most common answer, minus the share of its problems with that gold',
  },
  {
    key: 'reward/mean',
    title: 'Reward',
    group: 'learning',
    unit: 'number',
    formula: 'mean of r over the judged rollouts of the step, before any gate',
    trl: 'reward',
    verl: 'critic/score/mean',
  },
  {
    key: 'reward/std',
    title: 'Reward, standard deviation',
    group: 'learning',
    unit: 'number',
    formula: 'standard deviation (n − 1) of r over the rollouts of the step; TRL’s reward_std is per group',
  },
  {
    key: 'reward/*/mean',
    title: 'Reward, *',
    group: 'learning',
    unit: 'number',
    formula: 'mean of r over the judged rollouts of the domain',
  },
  {
    key: 'sft/loss',
    title: 'Loss on examples',
    group: 'learning',
    unit: 'nats',
    formula: 'mean of −log π(t) over the completion tokens of the step’s examples, before its update',
  },
  {
    key: 'sft/heldOutLoss',
    title: 'Loss on held-out examples',
    group: 'learning',
    unit: 'nats',
    formula: 'mean of −log π(t) over the completion tokens of the held-out examples, after the step',
  },
  {
    key: 'distil/kl',
    title: 'Reverse KL to the teacher',
    group: 'learning',
    unit: 'nats',
    formula:
      'mean of log π(t) − log q(t) over the tokens that the policy wrote, where q is the teacher; before the update',
  },
  {
    key: 'verdict/correct',
    title: 'Correct',
    group: 'learning',
    unit: 'share',
    formula: 'rollouts whose answer is right / rollouts',
  },
  {
    key: 'verdict/incorrect',
    title: 'Incorrect',
    group: 'learning',
    unit: 'share',
    formula: 'rollouts with a wrong extracted answer / rollouts',
  },
  {
    key: 'verdict/unparsed',
    title: 'No answer extracted',
    group: 'learning',
    unit: 'share',
    formula: 'rollouts without an extracted answer / rollouts',
  },
  {
    key: 'verdict/timeout',
    title: 'Judging timeout',
    group: 'learning',
    unit: 'share',
    formula: 'rollouts whose own program or answer exceeded the judging budget / rollouts',
  },
  {
    key: 'verdict/ungradable',
    title: 'Ungradable',
    group: 'learning',
    unit: 'share',
    formula:
      'rollouts that could not be judged (bad gold, broken infrastructure) / rollouts; excluded from training',
  },
  {
    key: 'verdict/otherForm',
    title: 'Other form',
    group: 'learning',
    unit: 'share',
    formula:
      'correct answers whose text differs from the gold and whose rule is not “same form” / correct answers with a rule',
  },
  {
    key: 'group/zeroAdvantage',
    title: 'No signal',
    group: 'signal',
    unit: 'share',
    formula: 'groups without an advantage other than 0 in the loss / groups with a judged rollout',
    trl: 'frac_reward_zero_std',
  },
  {
    key: 'group/solved',
    title: 'Solved by all rollouts',
    group: 'signal',
    unit: 'share',
    formula: 'groups in which every r ≥ 1 / groups with a judged rollout',
  },
  {
    key: 'group/unsolved',
    title: 'Solved by no rollout',
    group: 'signal',
    unit: 'share',
    formula: 'groups in which every r ≤ 0 / groups with a judged rollout',
  },
  {
    key: 'batch/problems',
    title: 'Problems trained on',
    group: 'signal',
    unit: 'count',
    formula: 'groups that passed the gates',
  },
  {
    key: 'batch/triedProblems',
    title: 'Problems tried',
    group: 'signal',
    unit: 'count',
    formula: 'groups rolled out for the step, including those that gates rejected',
  },
  {
    key: 'batch/refills',
    title: 'Refills',
    group: 'signal',
    unit: 'count',
    formula: 'extra calls of the sampler because gates rejected groups',
  },
  {
    key: 'rollout/length/mean',
    title: 'Length',
    group: 'length',
    unit: 'tokens',
    formula: 'mean of |y| over the rollouts of the step',
    trl: 'completions/mean_length',
    verl: 'response_length/mean',
  },
  {
    key: 'rollout/length/p95',
    title: 'Length, 95th percentile',
    group: 'length',
    unit: 'tokens',
    formula: '95th percentile of |y| over the rollouts of the step',
  },
  {
    key: 'rollout/length/max',
    title: 'Length, longest',
    group: 'length',
    unit: 'tokens',
    formula: 'max of |y| over the rollouts of the step',
    trl: 'completions/max_length',
    verl: 'response_length/max',
  },
  {
    key: 'rollout/truncated',
    title: 'Truncated',
    group: 'length',
    unit: 'share',
    formula: 'rollouts truncated at the token limit / rollouts',
    trl: 'completions/clipped_ratio',
    verl: 'response_length/clip_ratio',
  },
  {
    key: 'rollout/tokens',
    title: 'Tokens written',
    group: 'length',
    unit: 'tokens',
    formula: 'sum of |y| over the rollouts of the step',
  },
  {
    key: 'rollout/count',
    title: 'Rollouts',
    group: 'length',
    unit: 'count',
    formula: 'B, the rollouts of the step, including those that gates rejected',
  },
  {
    key: 'optim/loss',
    title: 'Loss',
    group: 'optimisation',
    unit: 'number',
    formula:
      'Σ weight · token loss, including the KL and entropy terms of the recipe; 0 at the first on-policy update is normal',
    trl: 'loss',
    verl: 'actor/pg_loss',
  },
  {
    key: 'optim/gradNorm',
    title: 'Gradient norm',
    group: 'optimisation',
    unit: 'number',
    formula: '‖g‖₂ over all parameters, before clipping',
    trl: 'grad_norm',
    verl: 'actor/grad_norm',
  },
  {
    key: 'optim/learningRate',
    title: 'Learning rate',
    group: 'optimisation',
    unit: 'number',
    formula: 'learning rate of the step, after warm-up and schedule',
    trl: 'learning_rate',
    verl: 'actor/lr',
  },
  {
    key: 'optim/updates',
    title: 'Updates',
    group: 'optimisation',
    unit: 'count',
    formula: 'optimizer updates of the step: one per mini-batch (batch.updates of the recipe)',
  },
  {
    key: 'optim/skippedUpdates',
    title: 'Updates skipped',
    group: 'optimisation',
    unit: 'count',
    formula: 'mini-batches with a non-finite gradient, which change nothing',
  },
  {
    key: 'policy/entropy',
    title: 'Entropy',
    group: 'optimisation',
    unit: 'nats',
    formula: 'mean over weighted tokens of H(π(· | preceding tokens))',
    trl: 'entropy',
    verl: 'actor/entropy',
  },
  {
    key: 'policy/kl',
    title: 'KL to the reference',
    group: 'optimisation',
    unit: 'nats',
    formula: 'mean over weighted tokens of the recipe’s estimator; k3 = ρ − 1 − log ρ with ρ = π_ref / π',
    trl: 'kl',
    verl: 'actor/kl_loss',
  },
  {
    key: 'policy/clipLow',
    title: 'Clipped from below',
    group: 'optimisation',
    unit: 'share',
    formula: 'tokens with ratio < 1 − ε_low and advantage < 0 / weighted tokens',
    trl: 'clip_ratio/low_mean',
  },
  {
    key: 'policy/clipHigh',
    title: 'Clipped from above',
    group: 'optimisation',
    unit: 'share',
    formula: 'tokens with ratio > 1 + ε_high and advantage > 0 / weighted tokens',
    trl: 'clip_ratio/high_mean',
  },
  {
    key: 'policy/mismatchKl',
    title: 'Sampler–trainer mismatch, KL',
    group: 'optimisation',
    unit: 'nats',
    formula:
      'mean over tokens of log π_sampler − log π_trainer (k1), before the first update of the step; with ahead(), the older policy adds to it',
    verl: 'rollout_corr/kl',
  },
  {
    key: 'policy/maxProbabilityGap',
    title: 'Sampler–trainer mismatch, worst token',
    group: 'optimisation',
    unit: 'number',
    formula: 'max over tokens of |π_sampler − π_trainer|',
    verl: 'training/rollout_probs_diff_max',
  },
  {
    key: 'batch/tokens',
    title: 'Tokens trained on',
    group: 'optimisation',
    unit: 'tokens',
    formula: 'tokens with a weight other than 0',
  },
  {
    key: 'batch/sequences',
    title: 'Sequences trained on',
    group: 'optimisation',
    unit: 'count',
    formula: 'rollouts in the update',
  },
  {
    key: 'throughput/sampledTokensPerSecond',
    title: 'Tokens sampled per second',
    group: 'throughput',
    unit: 'tokens/s',
    formula: 'tokens written / time/rollout; with ahead(), tokens written / time of the step',
  },
  {
    key: 'time/rollout',
    title: 'Time for rollouts',
    group: 'throughput',
    unit: 'seconds',
    formula:
      'wall-clock time from the choice of problems to the last verdict of the step; with ahead(), the part that remains when the step begins',
    verl: 'timing_s/gen',
  },
  {
    key: 'time/learn',
    title: 'Time for updates',
    group: 'throughput',
    unit: 'seconds',
    formula: 'wall-clock time of log-probabilities, backward passes and the update',
    verl: 'timing_s/update_actor',
  },
  ...worthMetrics,
  {
    key: 'level/*/passRate',
    title: 'Pass rate, *',
    group: 'curriculum',
    unit: 'share',
    formula: 'correct / judged rollouts of the step’s problems of the level',
  },
  {
    key: 'engine/ratio/*',
    title: 'Trainer/sampler ratio, *',
    group: 'optimisation',
    unit: 'number',
    formula: 'percentile over tokens of π_trainer / π_sampler',
  },
  {
    key: 'engine/mfu',
    title: 'Model flops utilisation',
    group: 'throughput',
    unit: 'share',
    formula: 'required operations per second / the measured rate of a large matrix product',
  },
  {
    key: 'engine/sampler/bandwidth',
    title: 'Decode bandwidth utilisation',
    group: 'throughput',
    unit: 'share',
    formula:
      'bytes of weights, keys and values read per second of decoding / the measured rate of a large copy',
  },
  {
    key: 'engine/*',
    title: 'Engine: *',
    group: 'throughput',
    unit: 'number',
    formula: 'figure reported by the engine (docs/torch.md)',
  },
  ...samplerMetrics,
  ...ageMetrics,
  ...turnMetrics,
  ...startMetrics,
  {
    key: 'sampler/*',
    title: 'Sampler: *',
    group: 'curriculum',
    unit: 'number',
    formula: 'figure reported by the stage’s problem sampler (epochs, shares, target)',
  },
];

const patterns = described.map((one) => ({
  one,
  pattern: new RegExp(
    `^${one.key
      .split('*')
      .map((part) => part.replaceAll(/[.+/]/g, String.raw`\$&`))
      .join('(.+)')}$`,
  ),
}));

/** Returns the position of a recorded name in the catalogue; unknown names come last. */
export function metricRank(name: string): number {
  const place = patterns.findIndex(({ pattern }) => pattern.test(name));
  return place < 0 ? patterns.length : place;
}

/** Describes a recorded name, with the placeholder filled in; undefined for unknown names. */
export function describeMetric(name: string): MetricDescription | undefined {
  for (const { one, pattern } of patterns) {
    const found = pattern.exec(name);
    if (found === null) continue;
    let part = 1;
    return { ...one, key: name, title: one.title.replaceAll('*', () => found[part++]!) };
  }
  return undefined;
}
