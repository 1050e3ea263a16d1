import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import type { Series } from '../../../src/server/views/metric-series.ts';
import { short } from '../design/numbers.ts';
import styles from './chart.module.css';
import { useCursor } from './cursor.tsx';
import { useWidth } from './use-width.ts';

export interface NamedSeries extends Series {
  readonly name: string;
}

const height = 150;
const left = 44;
const strokes = [styles.s0, styles.s1, styles.s2, styles.s3];

/** Metrics over steps, with the run's stages behind them and a cursor all charts share. */
export function LineChart(props: {
  readonly title: string;
  readonly series: readonly NamedSeries[];
  readonly stages: readonly {
    readonly stage: string;
    readonly firstStep: number;
    readonly lastStep: number;
  }[];
  readonly lastStep: number;
  readonly format?: (value: number) => string;
}) {
  const { title, series, stages, lastStep, format = short } = props;
  const [element, width] = useWidth();
  const [cursor, setCursor] = useCursor();
  const x = scaleLinear([0, Math.max(1, lastStep)], [left, width - 4]);
  const y = scaleLinear(extent(series), [height - 20, 8]).nice(4);
  return (
    <div className={styles.chart} ref={element}>
      <div className={styles.key}>
        {series.map((one, index) => (
          <span key={one.name}>
            <i className={strokes[index % 4]} />
            {one.name} {told(one, cursor, format)}
          </span>
        ))}
      </div>
      <svg
        height={height}
        role="img"
        aria-label={`${title}: ${series.map((one) => summary(one, format)).join('; ')}`}
        onPointerMove={(event) => {
          const place = event.clientX - event.currentTarget.getBoundingClientRect().left;
          setCursor(Math.max(0, Math.min(lastStep, Math.round(x.invert(place)))));
        }}
        onPointerLeave={() => {
          setCursor(null);
        }}
      >
        {stages.map(({ stage, firstStep, lastStep: end }, index) => (
          <g key={stage}>
            {index % 2 === 1 && (
              <rect
                className={styles.band}
                x={x(firstStep - 0.5)}
                width={Math.max(0, x(end) - x(firstStep - 0.5))}
                y={0}
                height={height - 20}
              />
            )}
          </g>
        ))}
        {y.ticks(4).map((tick) => (
          <g key={tick}>
            <line className={styles.grid} x1={left} x2={width - 4} y1={y(tick)} y2={y(tick)} />
            <text x={left - 6} y={y(tick) + 4} textAnchor="end">
              {format(tick)}
            </text>
          </g>
        ))}
        {x.ticks(Math.max(2, Math.floor(width / 90))).map((tick) => (
          <text key={tick} x={x(tick)} y={height - 4} textAnchor="middle">
            {tick}
          </text>
        ))}
        {series.map((one, index) => (
          <path
            key={one.name}
            className={`${styles.line} ${strokes[index % 4]}`}
            d={
              line<number>(
                (_, at) => x(one.steps[at]!),
                (value) => y(value),
              )(one.values as number[]) ?? ''
            }
          />
        ))}
        {cursor !== null && (
          <line className={styles.cursor} x1={x(cursor)} x2={x(cursor)} y1={0} y2={height - 20} />
        )}
      </svg>
    </div>
  );
}

function extent(series: readonly NamedSeries[]): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of series.flatMap(({ values }) => values)) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  return low === high ? [low - Math.abs(low || 1) / 10, high + Math.abs(high || 1) / 10] : [low, high];
}

function told({ steps, values }: Series, cursor: number | null, format: (value: number) => string): string {
  const at = cursor === null ? steps.length - 1 : steps.findLastIndex((step) => step <= cursor);
  return at < 0 ? '' : `${format(values[at]!)} at step ${steps[at]}`;
}

function summary(one: NamedSeries, format: (value: number) => string): string {
  if (one.values.length === 0) return `${one.name} was not measured`;
  return `${one.name} from ${format(one.values[0]!)} at step ${one.steps[0]} to ${format(one.values.at(-1)!)} at step ${one.steps.at(-1)}`;
}
