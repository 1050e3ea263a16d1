import type { MetricDescription } from './metric-description.ts';

/**
 * Metrics of the training signal and of the benefit of selection. docs/algorithms/staging-worth.md gives the
 * equations.
 */
export const worthMetrics: readonly MetricDescription[] = [
  {
    key: 'group/signalLost',
    title: 'Signal left on the table',
    group: 'signal',
    unit: 'share',
    formula:
      'share of the step’s possible progress that is lost to groups without an advantage: 1 − √(b (B + b_c) / (B (b + b_c))), with B groups and b live groups per update and the critical batch b_c',
  },
  {
    key: 'gradient/noise',
    title: 'Gradient noise',
    group: 'optimisation',
    unit: 'number',
    formula:
      'n · m · tr Σ of the gradients of single live groups, from two halves of n and m groups; measured every fifth of the first twenty steps, then every hundredth',
  },
  {
    key: 'gradient/signal',
    title: 'Gradient signal',
    group: 'optimisation',
    unit: 'number',
    formula: 'n · m · |G|²: the product of the gradients of two halves of n and m live groups',
  },
  {
    key: 'gradient/criticalBatch',
    title: 'Critical batch',
    group: 'optimisation',
    unit: 'count',
    formula:
      'b_c = Σ gradient/noise / Σ gradient/signal over the last 20 measurements, in live groups: noise and signal of the gradient of b_c groups are equal',
  },
  {
    key: 'gradient/criticalBatch/low',
    title: 'Critical batch, lower bound',
    group: 'optimisation',
    unit: 'count',
    formula: 'lower end of its 95 % interval (Fieller)',
  },
  {
    key: 'gradient/criticalBatch/high',
    title: 'Critical batch, upper bound',
    group: 'optimisation',
    unit: 'count',
    formula: 'upper end of its 95 % interval (Fieller); absent if the signal could be 0',
  },
  {
    key: 'staging/worth',
    title: 'Worth of staging',
    group: 'curriculum',
    unit: 'number',
    formula:
      'S = √((1 + b_c / (B L_U)) / (1 + b_c / (B L_S))): how many times fewer rollouts selection needs than uniform draws for equal progress; every 20 steps of a stage',
  },
  {
    key: 'staging/worth/low',
    title: 'Worth of staging, lower bound',
    group: 'curriculum',
    unit: 'number',
    formula: 'lower end of its 95 % interval',
  },
  {
    key: 'staging/worth/high',
    title: 'Worth of staging, upper bound',
    group: 'curriculum',
    unit: 'number',
    formula: 'upper end of its 95 % interval',
  },
  {
    key: 'staging/liveUniform',
    title: 'Live share under uniform draws',
    group: 'curriculum',
    unit: 'share',
    formula: 'L_U: groups with an advantage / groups, if problems are drawn uniformly',
  },
  {
    key: 'staging/liveSelected',
    title: 'Live share within reach of selection',
    group: 'curriculum',
    unit: 'share',
    formula: 'L_S: groups with an advantage / groups, as selection can reach it or has reached it',
  },
];
