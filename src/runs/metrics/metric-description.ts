/** Groups of metrics, in reading order. */
export const metricGroups = [
  'learning',
  'signal',
  'length',
  'optimisation',
  'throughput',
  'curriculum',
] as const;

/** See `metricGroups`. */
export type MetricGroup = (typeof metricGroups)[number];

/**
 * Describes a recorded metric, for viewers and exporters.
 *
 * @example
 * describeMetric('reward/mean')?.trl; // 'reward'
 * describeMetric('reward/math/mean')?.title; // 'Reward, math'
 */
export interface MetricDescription {
  /** Recorded name; `*` is a placeholder for a domain or level, which may contain slashes. */
  readonly key: string;
  /** May contain the placeholder `*`, as the key does. */
  readonly title: string;
  readonly group: MetricGroup;
  readonly unit: MetricUnit;
  /** Formula as plain text: B rollouts of one step in groups of one problem, r rewards, |y| tokens written. */
  readonly formula: string;
  /** Name of the same quantity in TRL's GRPOTrainer. */
  readonly trl?: string;
  /** Name of the same quantity in verl. */
  readonly verl?: string;
}

/** `share` is in [0, 1]; `number` has no unit. */
export type MetricUnit = 'share' | 'tokens' | 'nats' | 'seconds' | 'tokens/s' | 'count' | 'number';
