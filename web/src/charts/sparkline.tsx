import styles from './chart.module.css';

/** The shape of a series without axes. Drawn without a library, so that the first page need not load one. */
export function Sparkline({ values }: { readonly values: readonly number[] }) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const points = values.map((value, index) => {
    const x = 1 + (98 * index) / Math.max(1, values.length - 1);
    const y = high === low ? 10 : 18 - (16 * (value - low)) / (high - low);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg className={styles.spark} viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">
      {values.length > 1 && <polyline points={points.join(' ')} vectorEffect="non-scaling-stroke" />}
    </svg>
  );
}
