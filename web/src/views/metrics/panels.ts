import {
  describeMetric,
  type MetricDescription,
  type MetricGroup,
  metricGroups,
  metricRank,
} from '../../../../src/runs/metrics/metric-catalogue.ts';

/** Metrics that are read together, in one picture. */
export interface Panel {
  readonly title: string;
  readonly group: MetricGroup | 'other';
  readonly metrics: readonly MetricDescription[];
}

/** Families of metrics that belong into one picture; every other metric has its own. */
const together: readonly { readonly title: string; readonly pattern: RegExp }[] = [
  { title: 'Reward', pattern: /^reward\/(.+\/)?mean$/u },
  { title: 'Verdicts', pattern: /^verdict\//u },
  { title: 'Groups solved never, always, without signal', pattern: /^group\//u },
  { title: 'Problems tried and learnt from', pattern: /^batch\/(problems|triedProblems)$/u },
  { title: 'Length', pattern: /^rollout\/length\//u },
  { title: 'Clipped tokens', pattern: /^policy\/clip/u },
  { title: 'Time of a step', pattern: /^time\//u },
  { title: 'Pass rate by level', pattern: /^level\/.+\/passRate$/u },
];

/** The panels of what was recorded, in the order of the catalogue's groups; what it does not know comes last. */
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
    formula: 'recorded by the engine or an extension under this name; the catalogue does not know it',
  };
}

/** Whether a panel has what a reader looks for, in its title, its keys or the peers' names. */
export function matches({ title, metrics }: Panel, sought: string): boolean {
  const word = sought.trim().toLowerCase();
  const texts = [title, ...metrics.flatMap(({ key, trl = '', verl = '' }) => [key, trl, verl])];
  return texts.some((text) => text.toLowerCase().includes(word));
}
