import type { MetricDescription } from './metric-description.ts';

/** Metrics for stages in which some attempts are given the start of their answer. */
export const startMetrics: readonly MetricDescription[] = [
  {
    key: 'start/*/groups',
    title: 'Groups from start *',
    group: 'curriculum',
    unit: 'count',
    formula:
      'judged groups whose attempts began there: at the prompt, after part of a solution, or after part of an attempt of the policy',
  },
  {
    key: 'start/*/reward',
    title: 'Reward from start *',
    group: 'learning',
    unit: 'number',
    formula: 'mean reward of the rollouts that began there',
  },
  {
    key: 'start/*/zeroAdvantage',
    title: 'Zero advantage from start *',
    group: 'signal',
    unit: 'share',
    formula: 'groups without an advantage other than 0 / judged groups, among the groups that began there',
  },
  {
    key: 'start/revealed',
    title: 'Revealed share of solutions',
    group: 'curriculum',
    unit: 'share',
    formula: 'mean over problems of the share of the solution that the next group is given',
  },
  {
    key: 'start/atPrompt',
    title: 'Problems back at their prompt',
    group: 'curriculum',
    unit: 'share',
    formula: 'problems whose solution is no longer revealed / problems with a solution',
  },
  {
    key: 'start/attempts',
    title: 'Problems with an attempt to restart from',
    group: 'curriculum',
    unit: 'count',
    formula: 'problems with an attempt of the policy from which the stage can restart',
  },
];
