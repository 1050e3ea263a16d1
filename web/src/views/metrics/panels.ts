import {
  describeMetric,
  type MetricGroup,
  metricGroups,
  metricRank,
} from '../../../../src/runs/metrics/metric-catalogue.ts';
import type { MetricDescription } from '../../../../src/runs/metrics/metric-description.ts';

/** Metrics that share a chart. */
export interface Panel {
  readonly title: string;
  readonly group: MetricGroup | 'other';
  readonly metrics: readonly MetricDescription[];
}

/** Metrics that share a chart; every other metric has its own. */
const together: readonly { readonly title: string; readonly pattern: RegExp }[] = [
  { title: 'Reward', pattern: /^reward\/(.+\/)?mean$/u },
  { title: 'Verdicts', pattern: /^verdict\//u },
  { title: 'Groups: unsolved, solved, zero advantage', pattern: /^group\//u },
  { title: 'Problems tried and trained on', pattern: /^batch\/(problems|triedProblems)$/u },
  { title: 'Length', pattern: /^rollout\/length\//u },
  { title: 'Clipped tokens', pattern: /^policy\/clip/u },
  { title: 'Time per step', pattern: /^time\//u },
  { title: 'Live share: uniform and selected draws', pattern: /^sampler\/(.+\/)?live(Uniform|Selected)/u },
  { title: 'Progress brake by source', pattern: /^sampler\/(.+\/)?brake/u },
  { title: 'Share of draws by source or level', pattern: /^sampler\/(.+\/)?share\//u },
  { title: 'Pass rate by level', pattern: /^level\/.+\/passRate$/u },
];

/** Returns the panels of the recorded metrics in the catalogue's order; unknown metrics come last. */
export function panelsOf(names: readonly string[]): Panel[] {
  const byTitle = Map.groupBy(
    names.toSorted((a, b) => metricRank(a) - metricRank(b)),
    (name) => together.find(({ pattern }) => pattern.test(name))?.title ?? name,
  );
  const panels = [...byTitle].map(([title, members]): Panel => {
    const metrics = members.map((name) => describeMetric(name) ?? unknown(name));
    const known = describeMetric(members[0]!);
    return {
      title: members.length === 1 || title === members[0] ? metrics[0]!.title : title,
      group: known?.group ?? 'other',
      metrics: metrics,
    };
  });
  return panels.toSorted((a, b) => placeOf(a) - placeOf(b));
}

const placeOf = ({ group }: Panel): number =>
  group === 'other' ? metricGroups.length : metricGroups.indexOf(group);

function unknown(name: string): MetricDescription {
  return {
    key: name,
    title: name,
    group: 'curriculum',
    unit: 'number',
    formula: 'recorded by the engine or an extension; not in the catalogue of metrics',
  };
}

/** Returns whether a panel's title, keys or names in TRL and verl contain the search text. */
export function matches({ title, metrics }: Panel, search: string): boolean {
  const word = search.trim().toLowerCase();
  const texts = [title, ...metrics.flatMap(({ key, trl = '', verl = '' }) => [key, trl, verl])];
  return texts.some((text) => text.toLowerCase().includes(word));
}
