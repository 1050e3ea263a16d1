import { scaleLinear, type ScaleLinear } from 'd3-scale';
import { area, line } from 'd3-shape';
import { memo } from 'react';
import { short } from '../design/numbers.ts';
import styles from './chart.module.css';
import { SaveMenu } from './save-menu.tsx';
import { smooth } from './smooth.ts';
import { placeName, type StepAxis, useCursor, useStepAxis } from './step-axis.tsx';
import { type Plot, StepFrame, StepGround, stepScale } from './step-frame.tsx';
import { useSize } from './use-size.ts';

/** A quantity over steps; index i of both arrays is one point. */
export interface Line {
  readonly steps: readonly number[];
  readonly values: readonly number[];
}

/** A named quantity over steps; index i of every array is one point. */
export interface NamedSeries extends Line {
  readonly name: string;
  /** Lower and upper ends of intervals; absent without intervals. */
  readonly low?: readonly number[];
  readonly high?: readonly number[];
  /** Lines that the series summarises, e.g. one per seed, drawn as thin lines. */
  readonly parts?: readonly Line[];
}

/** Line chart over the shared steps, with stages in the background. */
export const LineChart = memo(function LineChart(props: {
  readonly title: string;
  readonly series: readonly NamedSeries[];
  readonly format?: (value: number) => string;
  /** Values that the y axis must include. */
  readonly covers?: readonly number[];
  /** Whether to draw points joined by lines, for few measurements that are far apart. */
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
        <SaveMenu title={title} series={series} axis={axis} element={element} />
      </div>
      <StepFrame
        axis={axis}
        plot={plot}
        height={height}
        valuesAt={valuesAt}
        label={`${title}: ${shown.map((one) => summary(one, axis, format)).join('; ')}`}
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
/** Returns the CSS class for the colour of a line. */
export const strokeOf = (index: number): string => strokes[index % strokes.length]!;

function Curve(props: {
  readonly one: NamedSeries;
  readonly x: ScaleLinear<number, number>;
  readonly y: ScaleLinear<number, number>;
  readonly stroke: string;
  readonly isSmooth: boolean;
  readonly isSparse: boolean;
}) {
  const { one, x, y, stroke, isSmooth, isSparse } = props;
  const { steps, values, low, high, parts = [] } = one;
  const at = (_: number, index: number): number => x(steps[index]!);
  const path = line<number>(at, (value) => y(value));
  const thin = (part: Line): string =>
    line<number>(
      (_, index) => x(part.steps[index]!),
      (value) => y(value),
    )(part.values as number[]) ?? '';
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
      {parts.map((part, index) => (
        <path key={index} className={styles.raw} d={thin(part)} />
      ))}
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

/** The value at the cursor, else the last value. */
function Reading(props: {
  readonly axis: StepAxis;
  readonly series: NamedSeries;
  readonly format: (value: number) => string;
}) {
  const cursor = useCursor(props.axis);
  return <b>{valueAt(props.series, cursor ?? Infinity, props.format)}</b>;
}

/** Truncates a series to the visible range, with one more point on each side so that lines reach the edge. */
function within(one: NamedSeries, axis: StepAxis): NamedSeries {
  const [first, end] = visible(one.steps, axis);
  return {
    name: one.name,
    ...cut(one, axis),
    ...(one.low !== undefined && { low: one.low.slice(first, end) }),
    ...(one.high !== undefined && { high: one.high.slice(first, end) }),
    ...(one.parts !== undefined && { parts: one.parts.map((part) => cut(part, axis)) }),
  };
}

function cut({ steps, values }: Line, axis: StepAxis): Line {
  const [first, end] = visible(steps, axis);
  return { steps: steps.slice(first, end), values: values.slice(first, end) };
}

function visible(steps: readonly number[], { range }: StepAxis): [first: number, end: number] {
  const first = Math.max(
    0,
    steps.findLastIndex((step) => step <= range.from),
  );
  const beyond = steps.findIndex((step) => step >= range.to);
  return [first, beyond < 0 ? steps.length : beyond + 1];
}

function extent(series: readonly NamedSeries[], covers: readonly number[]): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  const lists = series.flatMap(({ values, low: lows = [], high: highs = [], parts = [] }) => [
    values,
    lows,
    highs,
    ...parts.map((part) => part.values),
  ]);
  for (const values of [covers, ...lists]) {
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

function summary(one: NamedSeries, axis: StepAxis, format: (value: number) => string): string {
  if (one.values.length === 0) return `${one.name} not measured`;
  const [first, last] = [one.steps[0]!, one.steps.at(-1)!].map((step) => placeName(axis, step));
  return `${one.name} from ${format(one.values[0]!)} at ${first} to ${format(one.values.at(-1)!)} at ${last}`;
}
