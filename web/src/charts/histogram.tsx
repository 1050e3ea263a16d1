import { scaleLinear } from 'd3-scale';
import { sum } from '../../../src/statistics/summary.ts';
import type { Bin } from '../../../src/services/dashboard/views/curriculum.ts';
import { count, percent } from '../design/numbers.ts';
import styles from './chart.module.css';
import { Grid } from './line-chart.tsx';
import { useSize } from './use-size.ts';

/** Problems per bin. `bins` are filled; a second set, `before`, is drawn as an outline. */
export function Histogram(props: {
  readonly title: string;
  readonly bins: readonly Bin[];
  readonly before?: readonly Bin[];
  /** Names of the two sets. */
  readonly names: readonly [before: string, now: string];
}) {
  const { title, bins, before = [], names } = props;
  const { element, width, unit } = useSize();
  const height = Math.round(124 * unit);
  const plot = { left: 46 * unit, right: width - 6, height: height - 20 * unit };
  const all = [...bins, ...before];
  const x = scaleLinear([0, all.at(-1)?.high ?? 1], [plot.left, plot.right]);
  const y = scaleLinear([0, Math.max(1, ...all.map(({ problems }) => problems))], [plot.height, 6]).nice(3);
  return (
    <div className={styles.chart} ref={element}>
      <div className={styles.key}>
        {before.length > 0 && (
          <span>
            <i className={`${styles.block} ${styles.outline}`} />
            {names[0]} <b>{count(total(before))}</b>
          </span>
        )}
        <span>
          <i className={`${styles.block} ${styles.filled}`} />
          {names[1]} <b>{count(total(bins))}</b>
        </span>
      </div>
      <svg height={height} role="img" aria-label={`${title}: ${bins.map((bin) => labelOf(bin)).join('; ')}`}>
        <Grid y={y} plot={plot} format={(value) => (Number.isInteger(value) ? count(value) : '')} />
        {bins.map((bin) => (
          <rect
            key={bin.low}
            className={styles.now}
            x={x(bin.low) + 1}
            width={Math.max(0, x(bin.high) - x(bin.low) - 2)}
            y={y(bin.problems)}
            height={plot.height - y(bin.problems)}
          >
            <title>{labelOf(bin)}</title>
          </rect>
        ))}
        {before.length > 0 && <path className={styles.then} d={outline(before, x, y)} />}
        {x.ticks(5).map((tick) => (
          <text key={tick} x={x(tick)} y={plot.height} dy="1.3em" textAnchor="middle">
            {percent(tick)}
          </text>
        ))}
      </svg>
    </div>
  );
}

const total = (bins: readonly Bin[]): number => sum(bins.map(({ problems }) => problems));

const labelOf = ({ low, high, problems }: Bin): string =>
  `${percent(low)} to ${percent(high)}: ${count(problems)} problems`;

function outline(bins: readonly Bin[], x: (value: number) => number, y: (value: number) => number): string {
  const corners = bins
    .map(({ low, high, problems }) => `L${x(low) + 1},${y(problems)}H${x(high) - 1}`)
    .join('');
  return `M${x(bins[0]!.low) + 1},${y(0)}${corners}V${y(0)}`;
}
