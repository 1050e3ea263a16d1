import { memo, useMemo } from 'react';
import type { MetricDescription } from '../../../../src/runs/metrics/metric-description.ts';
import type { MetricSeriesByName } from '../../../../src/services/dashboard/views/metric-series.ts';
import { LineChart } from '../../charts/line-chart.tsx';
import { formatOf } from '../../design/numbers.ts';
import styles from '../../design/parts.module.css';
import { Link, useFilters, useRoute } from '../../router.tsx';
import own from './metrics.module.css';
import type { Panel } from './panels.ts';

/** A chart of metrics with their formulas, keys, and names in TRL and verl. */
export const MetricPanel = memo(function MetricPanel(props: {
  readonly panel: Panel;
  readonly data: MetricSeriesByName;
  readonly isAlone: boolean;
}) {
  const { panel, data, isAlone } = props;
  const { parts } = useRoute();
  const [query] = useFilters();
  const { metrics, title } = panel;
  const { unit } = metrics[0]!;
  const series = useMemo(
    () => metrics.map(({ key }) => ({ name: shortName(key, metrics), steps: [], values: [], ...data[key] })),
    [metrics, data],
  );
  const kept = Object.fromEntries([...query].filter(([name]) => name !== 'panel'));
  return (
    <section className={styles.card} aria-label={title}>
      <div className={styles.cardHead}>
        <h3>
          <Link to={parts} query={isAlone ? kept : { ...kept, panel: title }} className={own.title} isRow>
            {title}
          </Link>
        </h3>
        <span className={styles.small}>{unit === 'number' ? '' : unit}</span>
      </div>
      <LineChart title={title} series={series} format={formatOf(unit)} size={isAlone ? 340 : 132} />
      {metrics.slice(0, isAlone ? metrics.length : 1).map((metric) => (
        <Meaning key={metric.key} metric={metric} />
      ))}
      {metrics.length > 1 && !isAlone && (
        <details className={own.meaning}>
          <summary>and {metrics.length - 1} more</summary>
          {metrics.slice(1).map((metric) => (
            <Meaning key={metric.key} metric={metric} />
          ))}
        </details>
      )}
    </section>
  );
});

function Meaning({ metric: { key, formula, trl, verl } }: { readonly metric: MetricDescription }) {
  return (
    <div className={own.meaning}>
      <p>
        <code>{key}</code>
        {trl !== undefined && (
          <>
            {' '}
            · TRL <code>{trl}</code>
          </>
        )}
        {verl !== undefined && (
          <>
            {' '}
            · verl <code>{verl}</code>
          </>
        )}
      </p>
      <p>{formula}</p>
    </div>
  );
}

/** Returns the parts of a key that distinguish it from the other keys of its panel. */
function shortName(key: string, metrics: readonly MetricDescription[]): string {
  const parts = key.split('/');
  if (metrics.length === 1) return parts.at(-1)!;
  const isShared = (part: string): boolean => metrics.every((other) => other.key.split('/').includes(part));
  return parts.filter((part) => !isShared(part)).join('/') || 'all';
}
