import type { MetricSeriesByName } from '../../../../src/services/dashboard/views/metric-series.ts';
import { SharedSteps } from '../../charts/step-axis.tsx';
import { useSharedSteps } from '../../charts/use-shared-steps.ts';
import type { DataSource } from '../../data/source.ts';
import { useData, useRun } from '../../data/use-data.ts';
import { Empty, Waiting } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import type { RunDetail } from '../../../../src/services/dashboard/views/run-detail.ts';
import { useFilters } from '../../router.tsx';
import { MetricPanel } from './metric-panel.tsx';
import { matches, type Panel, panelsOf } from './panels.ts';
import { StepTools } from './step-tools.tsx';

const headings: Readonly<Record<Panel['group'], string>> = {
  learning: 'Learning',
  signal: 'Signal',
  length: 'Length',
  optimisation: 'Optimisation',
  throughput: 'Throughput',
  curriculum: 'Curriculum',
  other: 'Other',
};
/** Maximum number of metric names per request. */
const mostNames = 200;

/** Every recorded metric with its meaning, over a shared axis and cursor. */
export function MetricsView({ folder }: { readonly folder: string }) {
  const { data: run, error } = useRun(folder);
  if (run === undefined) return <Waiting error={error} what={folder} />;
  return <Panels folder={folder} run={run} />;
}

function Panels({ folder, run }: { readonly folder: string; readonly run: RunDetail }) {
  const [query] = useFilters();
  const steps = useSharedSteps(folder, run);
  const { from, to } = steps.range;
  const names = run.metrics.map(({ name }) => name);
  const { data, error } = useData(['run', folder, 'metrics', 'all', from, to, names.length], (source) =>
    readAll(source, folder, names, { from, to }),
  );
  if (data === undefined && names.length > 0) return <Waiting error={error} what="the metrics" />;
  const only = query.get('panel');
  const panels = panelsOf(names).filter(
    (panel) => (only === null || panel.title === only) && matches(panel, query.get('find') ?? ''),
  );
  const groups = Map.groupBy(panels, ({ group }) => group);
  return (
    <SharedSteps {...steps}>
      <div className={styles.stack}>
        <div className={styles.spread}>
          <h1>Metrics</h1>
          <StepTools run={run} range={steps.range} only={only} />
        </div>
        {error !== null && <Empty>{error.message}</Empty>}
        {names.length === 0 && <Empty>No metrics yet: the first step records them.</Empty>}
        {names.length > 0 && panels.length === 0 && (
          <Empty>No metric matches. The search covers titles, keys, and names in TRL and verl.</Empty>
        )}
        {[...groups].map(([group, some]) => (
          <div key={group} className={styles.stack}>
            <h2>{headings[group]}</h2>
            <div className={only === null ? styles.grid : styles.stack}>
              {some.map((panel) => (
                <MetricPanel key={panel.title} panel={panel} data={data ?? {}} isAlone={only !== null} />
              ))}
            </div>
          </div>
        ))}
      </div>
    </SharedSteps>
  );
}

async function readAll(
  source: DataSource,
  folder: string,
  names: readonly string[],
  range: { readonly from: number; readonly to: number },
): Promise<MetricSeriesByName> {
  const parts = Array.from({ length: Math.ceil(names.length / mostNames) }, (_, index) =>
    source.metrics(folder, names.slice(index * mostNames, (index + 1) * mostNames), {
      ...range,
      points: 600,
    }),
  );
  return Object.assign({}, ...(await Promise.all(parts))) as MetricSeriesByName;
}
