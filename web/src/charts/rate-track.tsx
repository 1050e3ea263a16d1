import { scaleLinear, scalePoint } from 'd3-scale';
import { wilsonInterval } from '../../../src/statistics/intervals.ts';
import { percent, rate } from '../design/numbers.ts';
import styles from './chart.module.css';
import { Grid } from './line-chart.tsx';
import { useSize } from './use-size.ts';

/** One measurement of a problem's pass rate, with its group of rollouts. */
export interface RateVisit {
  readonly step: number;
  readonly stage: string;
  readonly purpose: string;
  readonly correct: number;
  readonly trials: number;
  /** Id of the group; null if only outcomes were recorded. */
  readonly group: number | null;
}

/**
 * Pass rate with its interval at each measurement. Points are evenly spaced, because measurements are few and at
 * irregular steps.
 */
export function RateTrack(props: {
  readonly points: readonly RateVisit[];
  readonly current?: number;
  readonly hrefOf: (group: number) => string;
}) {
  const { points, current, hrefOf } = props;
  const { element, width, unit } = useSize();
  const height = Math.round(128 * unit);
  const plot = { left: 46 * unit, right: width - 6, height: height - 22 * unit };
  const x = scalePoint([...points.keys()], [plot.left, plot.right]).padding(0.6);
  const y = scaleLinear([0, 1], [plot.height, 6]);
  const every = Math.ceil((points.length * 52 * unit) / (plot.right - plot.left));
  return (
    <div className={styles.chart} ref={element}>
      <svg height={height} role="group" aria-label={`Pass rate at ${points.length} measurements`}>
        <Grid y={y} plot={plot} format={percent} />
        {points.map((point, index) => (
          <g key={index}>
            <Visit
              point={point}
              x={x(index)!}
              y={y}
              href={point.group === null ? undefined : hrefOf(point.group)}
              isCurrent={point.group !== null && point.group === current}
            />
            {index % every === 0 && (
              <text x={x(index)} y={plot.height} dy="1.4em" textAnchor="middle">
                {point.purpose === 'train'
                  ? point.step
                  : `${point.step} ${point.purpose === 'measure' ? 'm' : 'e'}`}
              </text>
            )}
          </g>
        ))}
      </svg>
    </div>
  );
}

function Visit(props: {
  readonly point: RateVisit;
  readonly x: number;
  readonly y: (share: number) => number;
  readonly href: string | undefined;
  readonly isCurrent: boolean;
}) {
  const { point, x, y, href, isCurrent } = props;
  const { low, high } = wilsonInterval(point.correct, point.trials);
  const label = `step ${point.step}, ${point.stage}, ${point.purpose}: ${rate(point.correct, point.trials)}`;
  const share = point.trials === 0 ? 0.5 : point.correct / point.trials;
  const mark = (
    <>
      <title>{label}</title>
      <rect x={x - 8} y={0} width={16} height={y(0)} fillOpacity={0} />
      <line className={styles.whisker} x1={x} x2={x} y1={y(low)} y2={y(high)} />
      <circle
        className={point.purpose === 'train' ? styles.dot : styles.ring}
        cx={x}
        cy={y(share)}
        r={isCurrent ? 6 : 4}
      />
    </>
  );
  if (href === undefined) return <g aria-hidden="true">{mark}</g>;
  return (
    <a href={href} className={styles.link} aria-label={label} aria-current={isCurrent ? 'page' : undefined}>
      {mark}
    </a>
  );
}
