import type { MetricDescription } from './metric-description.ts';

/** Metrics about rollouts that were written by an older policy; absent with `inStep()`. */
export const ageMetrics: readonly MetricDescription[] = [
  {
    key: 'rollout/offPolicySteps/mean',
    title: 'Age of rollouts',
    group: 'optimisation',
    unit: 'count',
    formula:
      'mean over admitted groups of the steps between the policy that wrote the group and the policy that learns from it',
  },
  {
    key: 'rollout/offPolicySteps/max',
    title: 'Age of rollouts, oldest',
    group: 'optimisation',
    unit: 'count',
    formula:
      'max over admitted groups of the steps between the policy that wrote the group and the policy that learns from it',
  },
];
