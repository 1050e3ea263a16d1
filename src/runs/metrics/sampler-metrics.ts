import type { MetricDescription } from './metric-description.ts';

type Described = Omit<MetricDescription, 'group'>;

/** Metrics that the sampler `auto()` records. In a mix of domains, the domain follows `sampler/` in each name. */
const auto: readonly Described[] = [
  {
    key: 'liveUniform',
    title: 'Live share, uniform draws',
    unit: 'share',
    formula:
      'groups with an advantage other than 0 / groups, over the uniform draws of about fifty steps: the live share of the pool',
  },
  {
    key: 'liveUniform/low',
    title: 'Live share, uniform draws, lower bound',
    unit: 'share',
    formula: 'lower end of the 95 % Wilson interval',
  },
  {
    key: 'liveUniform/high',
    title: 'Live share, uniform draws, upper bound',
    unit: 'share',
    formula: 'upper end of the 95 % Wilson interval',
  },
  {
    key: 'liveSelected',
    title: 'Live share, selected draws',
    unit: 'share',
    formula: 'groups with an advantage other than 0 / groups, over the selected draws of about fifty steps',
  },
  {
    key: 'liveSelected/low',
    title: 'Live share, selected draws, lower bound',
    unit: 'share',
    formula: 'lower end of the 95 % Wilson interval',
  },
  {
    key: 'liveSelected/high',
    title: 'Live share, selected draws, upper bound',
    unit: 'share',
    formula: 'upper end of the 95 % Wilson interval',
  },
  {
    key: 'uniformShare',
    title: 'Share drawn uniformly',
    unit: 'share',
    formula: 'share of the batch drawn uniformly; rises when selection does not help',
  },
  {
    key: 'passRate',
    title: 'Pass rate of the pool',
    unit: 'share',
    formula:
      'mean pass rate of the pool, from the uniform draws of about fifty steps or from the rates on record',
  },
  {
    key: 'visited',
    title: 'Problems visited',
    unit: 'share',
    formula: 'problems with a judged group / problems of the stage',
  },
  {
    key: 'misformatted',
    title: 'Problems with a wrong format',
    unit: 'share',
    formula:
      'share of the problems in cells where most rollouts are unparsed although they were not truncated',
  },
  {
    key: 'brake',
    title: 'Progress brake',
    unit: 'share',
    formula: 'mean over the selected draws of the factor of their source; 1 is not braked',
  },
  {
    key: 'brake/*',
    title: 'Progress brake, *',
    unit: 'share',
    formula: 'factor of the source in [0.1, 1]; falls while its pass rate does not rise',
  },
  {
    key: 'share/*',
    title: 'Share of selected draws, *',
    unit: 'share',
    formula: 'share of the selected draws that the source or level gets',
  },
];

/** Sampler metrics that have specific descriptions; `sampler/*` describes the others. */
export const samplerMetrics: readonly MetricDescription[] = auto.flatMap((one) => [
  { ...one, key: `sampler/${one.key}`, group: 'curriculum' },
  { ...one, key: `sampler/*/${one.key}`, title: `*: ${one.title}`, group: 'curriculum' },
]);
