import { scaleLinear, type ScaleLinear } from 'd3-scale';
import { area, line } from 'd3-shape';
import { memo } from 'react';
import { short } from '../design/numbers.ts';
import styles from './chart.module.css';
import { smooth } from './smooth.ts';
import { type StepAxis, useCursor, useStepAxis } from './step-axis.tsx';
import { type Plot, StepFrame, StepGround, stepScale } from './step-frame.tsx';
import { useSize } from './use-size.ts';

/** A named quantity over steps; index i of every array is one point. */
export interface NamedSeries {
  readonly name: string;
  readonly steps: readonly number[];
  readonly values: readonly number[];
  /** Lower and upper ends of intervals, if there are any. */
  readonly low?: readonly number[];
  readonly high?: readonly number[];
}

/** Line chart over the shared steps, with stages in the background. */
export const LineChart = memo(function LineChart(props: {
  readonly title: string;
  readonly series: readonly NamedSeries[];
  readonly format?: (value: number) => string;
  /** Values that the y axis must include. */
  readonly covers?: readonly number[];
  /** Draws points joined by lines, for few measurements far apart. */
  readonly isSparse?: boolean;
  readonly size?: number;
}) {
  const { title, series, format = short, covers = [], isSparse = false, size = 132 } = props;
  const axis = useStepAxis();
  const { element, width, unit } = useSize();
  const height = Math.round(size * unit);
  const plot = { left: 46 * unit, right: width - 6, height: height - 20 * unit };
  const shown = series.map((one) => within(one, axis));
  const x = stepScale(axis, plot);
  const y = scaleLinear(extent(shown, covers), [plot.height, 6]).nice(4);
  const valuesAt = (step: number): string =>
    shown.map((one) => `${one.name} ${valueAt(one, step, format)}`).join(', ');
  return (
    <div className={styles.chart} ref={element}>
      <div className={styles.key}>
        {shown.map((one, index) => (
          <span key={one.name}>
            <i className={strokeOf(index)} />
            {one.name} <Reading axis={axis} series={one} format={format} />
          </span>
        ))}
      </div>
      <StepFrame
        axis={axis}
        plot={plot}
        height={height}
        valuesAt={valuesAt}
        label={`${title}: ${shown.map((one) => summary(one, format)).join('; ')}`}
      >
        <StepGround axis={axis} plot={plot} />
        <Grid y={y} plot={plot} format={format} />
        {shown.map((one, index) => (
          <Curve
            key={one.name}
            {...{ one, x, y, isSparse }}
            stroke={strokeOf(index)}
            isSmooth={axis.isSmooth && !isSparse}
          />
        ))}
      </StepFrame>
    </div>
  );
});

const strokes = [styles.s0, styles.s1, styles.s2, styles.s3, styles.s4, styles.s5];
const strokeOf = (index: number): string => strokes[index % strokes.length]!;

function Curve(props: {
  readonly one: NamedSeries;
  readonly x: ScaleLinear<number, number>;
  readonly y: ScaleLinear<number, number>;
  readonly stroke: string;
  readonly isSmooth: boolean;
  readonly isSparse: boolean;
}) {
  const { one, x, y, stroke, isSmooth, isSparse } = props;
  const { steps, values, low, high } = one;
  const at = (_: number, index: number): number => x(steps[index]!);
  const path = line<number>(at, (value) => y(value));
  const ground = area<number>(
    at,
    (_, index) => y(low![index]!),
    (_, index) => y(high![index]!),
  );
  return (
    <g className={stroke}>
      {low !== undefined && high !== undefined && (
        <path className={styles.interval} d={ground(values as number[]) ?? ''} />
      )}
      <path className={isSmooth ? styles.raw : styles.line} d={path(values as number[]) ?? ''} />
      {isSmooth && <path className={styles.line} d={path(smooth(values)) ?? ''} />}
      {(isSparse || values.length === 1) &&
        values.map((value, index) => (
          <circle key={index} className={styles.point} cx={x(steps[index]!)} cy={y(value)} r={3} />
        ))}
    </g>
  );
}

/** Horizontal grid lines with their values. */
export function Grid(props: {
  readonly y: ScaleLinear<number, number>;
  readonly plot: Plot;
  readonly format: (value: number) => string;
}) {
  const { y, plot, format } = props;
  return (
    <g>
      {y.ticks(4).map((tick) => (
        <g key={tick}>
          <line className={styles.grid} x1={plot.left} x2={plot.right} y1={y(tick)} y2={y(tick)} />
          <text x={plot.left - 6} y={y(tick)} dy="0.35em" textAnchor="end">
            {format(tick)}
          </text>
        </g>
      ))}
    </g>
  );
}

/** The value at the cursor, else the last one. */
function Reading(props: {
  readonly axis: StepAxis;
  readonly series: NamedSeries;
  readonly format: (value: number) => string;
}) {
  const cursor = useCursor(props.axis);
  return <b>{valueAt(props.series, cursor ?? Infinity, props.format)}</b>;
}

/** Cuts a series to the visible range, with one more point on each side so that lines reach the edge. */
function within(one: NamedSeries, { range }: StepAxis): NamedSeries {
  const first = Math.max(
    0,
    one.steps.findLastIndex((step) => step <= range.from),
  );
  const beyond = one.steps.findIndex((step) => step >= range.to);
  const end = beyond < 0 ? one.steps.length : beyond + 1;
  if (first === 0 && end === one.steps.length) return one;
  return {
    name: one.name,
    steps: one.steps.slice(first, end),
    values: one.values.slice(first, end),
    ...(one.low !== undefined && { low: one.low.slice(first, end) }),
    ...(one.high !== undefined && { high: one.high.slice(first, end) }),
  };
}

function extent(series: readonly NamedSeries[], covers: readonly number[]): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const values of [covers, ...series.flatMap((one) => [one.values, one.low ?? [], one.high ?? []])]) {
    for (const value of values) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low > high || (low === 0 && high === 0)) return [0, 1];
  return low === high ? [low - Math.abs(low || 1) / 10, high + Math.abs(high || 1) / 10] : [low, high];
}

function valueAt({ steps, values }: NamedSeries, step: number, format: (value: number) => string): string {
  const at = steps.findLastIndex((one) => one <= step);
  return at < 0 ? '–' : format(values[at]!);
}

function summary(one: NamedSeries, format: (value: number) => string): string {
  if (one.values.length === 0) return `${one.name} not measured`;
  return `${one.name} from ${format(one.values[0]!)} at step ${one.steps[0]} to ${format(one.values.at(-1)!)} at step ${one.steps.at(-1)}`;
}
