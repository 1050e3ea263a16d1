import { SharedCursor } from '../charts/cursor.tsx';
import { LineChart } from '../charts/line-chart.tsx';
import type { RunDetail } from '../../../src/server/views/run-detail.ts';
import { useData } from '../data/use-data.ts';
import { Card } from '../design/parts.tsx';
import styles from '../design/parts.module.css';

/** Every metric the run recorded, under one cursor. */
export function MetricsView({ folder }: { readonly folder: string }) {
  const { data: run } = useData(['run', folder], (source) => source.run(folder));
  if (run === undefined) return <p>Reading {folder}…</p>;
  return (
    <div className={styles.stack}>
      <h1>Metrics</h1>
      <SharedCursor>
        <div className={styles.grid}>
          {run.metrics.map(({ name }) => (
            <Panel key={name} folder={folder} name={name} run={run} />
          ))}
        </div>
      </SharedCursor>
    </div>
  );
}

function Panel({
  folder,
  name,
  run,
}: {
  readonly folder: string;
  readonly name: string;
  readonly run: RunDetail;
}) {
  const { data } = useData(['run', folder, 'metric', name], (source) => source.metrics(folder, [name]));
  return (
    <Card title={name}>
      <LineChart
        title={name}
        series={[{ name: 'value', steps: [], values: [], ...data?.[name] }]}
        stages={run.stages}
        lastStep={run.head.step}
      />
    </Card>
  );
}
