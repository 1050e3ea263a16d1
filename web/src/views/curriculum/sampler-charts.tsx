import type { CurriculumView } from '../../../../src/services/dashboard/views/curriculum.ts';
import type { RunDetail } from '../../../../src/services/dashboard/views/run-detail.ts';
import { useStepAxis } from '../../charts/step-axis.tsx';
import { useData } from '../../data/use-data.ts';
import styles from '../../design/parts.module.css';
import { MetricPanel } from '../metrics/metric-panel.tsx';
import { panelsOf } from '../metrics/panels.ts';

/** The metrics of samplers and gates, step by step. */
export function SamplerCharts(props: {
  readonly folder: string;
  readonly run: RunDetail;
  readonly curriculum: CurriculumView;
}) {
  const { folder, curriculum } = props;
  const { from, to } = useStepAxis().range;
  const names = [...curriculum.samplerMetrics, ...curriculum.gateMetrics].slice(0, 200);
  const { data = {} } = useData(
    ['run', folder, 'metrics', 'curriculum', from, to, names.length],
    (source) => source.metrics(folder, names, { from, to, points: 600 }),
    names.length > 0,
  );
  if (names.length === 0) return null;
  return (
    <section aria-label="Sampler and gates" className={styles.stack}>
      <h2>Sampler and gates</h2>
      <div className={styles.grid}>
        {panelsOf(names).map((panel) => (
          <MetricPanel key={panel.title} panel={panel} data={data} isAlone={false} />
        ))}
      </div>
    </section>
  );
}
