import type { MetricDescription } from './metric-description.ts';

/** Metrics for attempts with environments; absent if all attempts have one turn. */
export const turnMetrics: readonly MetricDescription[] = [
  {
    key: 'rollout/turns',
    title: 'Turns',
    group: 'length',
    unit: 'count',
    formula: 'mean number of turns that the policy wrote in a rollout',
    verl: 'num_turns/mean',
  },
  {
    key: 'tool/calls',
    title: 'Tool calls',
    group: 'signal',
    unit: 'count',
    formula: 'calls, including malformed and refused ones / rollouts',
    trl: 'tools/call_frequency',
  },
  {
    key: 'tool/used',
    title: 'Rollouts with a call',
    group: 'signal',
    unit: 'share',
    formula: 'rollouts with at least one answered call / rollouts',
  },
  {
    key: 'tool/failed',
    title: 'Failed calls',
    group: 'signal',
    unit: 'share',
    formula:
      'calls that the tool answered with an error of the call, such as a program that raised an exception / calls',
    trl: 'tools/failure_frequency',
  },
  {
    key: 'tool/malformed',
    title: 'Malformed calls',
    group: 'signal',
    unit: 'share',
    formula: 'calls that could not be read / calls',
  },
  {
    key: 'tool/refused',
    title: 'Refused calls',
    group: 'signal',
    unit: 'share',
    formula: 'calls after the limit of an attempt / calls',
  },
  {
    key: 'tool/givenTokens',
    title: 'Tokens given by environments',
    group: 'length',
    unit: 'tokens',
    formula: 'mean number of tokens that an environment inserted or replied in a rollout; never trained on',
  },
  {
    key: 'tool/reward',
    title: 'Reward from environments',
    group: 'learning',
    unit: 'number',
    formula:
      'mean over rollouts of the sum of rewards that the environment gave to its turns, before any factor',
  },
];
