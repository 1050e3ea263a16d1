import { scaleLinear, scaleLog } from 'd3-scale';
import { line } from 'd3-shape';
import type { StrategyPoint } from '../../../src/services/dashboard/views/strategies.ts';
import { percent, short } from '../design/numbers.ts';
import styles from './chart.module.css';
import { Grid, strokeOf } from './line-chart.tsx';
import { useSize } from './use-size.ts';

/** Accuracy against tokens for one strategy; index i of both arrays is one budget. */
export interface CostLine {
  readonly name: string;
  /** Colour of the line, the same in every chart of a page. */
  readonly colour: number;
  readonly budgets: readonly number[];
  readonly points: readonly StrategyPoint[];
}

/** Accuracy with 95 % intervals against tokens per problem, on a logarithmic axis. `limit` is drawn as a dashed line. */
export function BudgetChart(props: {
  readonly title: string;
  readonly lines: readonly CostLine[];
  readonly limit?: { readonly name: string; readonly value: number };
}) {
  const { title, lines, limit } = props;
  const { element, width, unit } = useSize();
  const height = Math.round(190 * unit);
  const plot = { left: 46 * unit, right: width - 10, height: height - 36 * unit };
  const points = lines.flatMap((one) => one.points);
  const costs = points.map(({ tokens }) => Math.max(1, tokens));
  const x = scaleLog([Math.min(...costs) / 1.15, Math.max(...costs) * 1.15], [plot.left, plot.right]);
  const highest = Math.max(limit?.value ?? 0, ...points.map(({ accuracy }) => accuracy.high));
  const lowest = Math.min(limit?.value ?? 1, ...points.map(({ accuracy }) => accuracy.low));
  const y = scaleLinear([lowest, Math.max(highest, lowest + 0.01)], [plot.height, 6]).nice(4);
  const placeOf = ({ tokens }: StrategyPoint): number => x(Math.max(1, tokens));
  const path = line<StrategyPoint>(placeOf, ({ accuracy }) => y(accuracy.mean));
  return (
    <div className={styles.chart} ref={element}>
      <svg height={height} role="img" aria-label={`${title}: ${lines.map(summaryOf).join('; ')}`}>
        <Grid y={y} plot={plot} format={percent} />
        {limit !== undefined && (
          <line
            className={styles.limit}
            x1={plot.left}
            x2={plot.right}
            y1={y(limit.value)}
            y2={y(limit.value)}
          >
            <title>{`${limit.name}: ${percent(limit.value)}`}</title>
          </line>
        )}
        {lines.map((one) => (
          <g key={one.name} className={strokeOf(one.colour)}>
            <path className={styles.line} d={path(one.points as StrategyPoint[]) ?? ''} />
            {one.points.map((point, index) => (
              <g key={one.budgets[index]}>
                <line
                  x1={placeOf(point)}
                  x2={placeOf(point)}
                  y1={y(point.accuracy.low)}
                  y2={y(point.accuracy.high)}
                />
                <circle className={styles.point} cx={placeOf(point)} cy={y(point.accuracy.mean)} r={3}>
                  <title>{`${one.name}, N ${one.budgets[index]}: ${textOf(point)}`}</title>
                </circle>
              </g>
            ))}
          </g>
        ))}
        {x.ticks(4).flatMap((tick) =>
          // Only 1, 2 and 5 of each decade fit.
          [1, 2, 5].includes(Number(tick.toExponential()[0])) ? (
            <text key={tick} x={x(tick)} y={plot.height} dy="1.3em" textAnchor="middle">
              {short(tick)}
            </text>
          ) : (
            []
          ),
        )}
        <text x={plot.right} y={plot.height} dy="2.6em" textAnchor="end">
          tokens per problem
        </text>
      </svg>
    </div>
  );
}

/** The colours of lines, with their names. */
export function CostKey({ lines }: { readonly lines: readonly Pick<CostLine, 'name' | 'colour'>[] }) {
  return (
    <div className={styles.key}>
      {lines.map(({ name, colour }) => (
        <span key={name}>
          <i className={strokeOf(colour)} />
          {name}
        </span>
      ))}
    </div>
  );
}

/** Formats accuracy, interval and tokens. */
export const textOf = ({ accuracy: { mean, low, high }, tokens }: StrategyPoint): string =>
  `${percent(mean)} [${Math.round(100 * low)}–${Math.round(100 * high)}] with ${short(tokens)} tokens`;

const summaryOf = ({ name, points }: CostLine): string =>
  points.length === 1
    ? `${name} ${textOf(points[0]!)}`
    : `${name} from ${textOf(points[0]!)} to ${textOf(points.at(-1)!)}`;
