import { scaleLinear, type ScaleLinear } from 'd3-scale';
import { useState, type KeyboardEvent, type PointerEvent, type ReactNode } from 'react';
import styles from './chart.module.css';
import { placeName, type StepAxis, type StepRange, useCursor } from './step-axis.tsx';

/** The plot area of a chart, in pixels. */
export interface Plot {
  readonly left: number;
  readonly right: number;
  readonly height: number;
}

/** Maps steps to pixels, with a margin of half a step so that the first and last steps are visible and clickable. */
export function stepScale({ range }: StepAxis, { left, right }: Plot): ScaleLinear<number, number> {
  return scaleLinear([range.from - 0.5, range.to + 0.5], [left, right]);
}

/**
 * The interactive frame of a chart over steps: the pointer moves the shared cursor, a drag zooms, a click opens the step.
 * For the keyboard, it is a slider over steps.
 */
export function StepFrame(props: {
  readonly axis: StepAxis;
  readonly plot: Plot;
  /** Height of the chart, including the labels below the plot. */
  readonly height: number;
  readonly label: string;
  /** The values at a step, as text. */
  readonly valuesAt: (step: number) => string;
  readonly children: ReactNode;
}) {
  const { axis, plot, height, label, valuesAt, children } = props;
  const cursor = useCursor(axis);
  const x = stepScale(axis, plot);
  const { dragged, handlers } = useDrag(axis, x);
  return (
    <div
      className={styles.slider}
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-valuemin={axis.range.from}
      aria-valuemax={axis.range.to}
      aria-valuenow={cursor ?? axis.range.to}
      aria-valuetext={`${placeName(axis, cursor ?? axis.range.to)}: ${valuesAt(cursor ?? axis.range.to)}`}
      onKeyDown={(event) => onKey(event, axis, cursor)}
      onBlur={() => axis.cursor.set(null)}
      {...handlers}
    >
      <svg height={height} aria-hidden="true">
        {children}
        {cursor !== null && (
          <line className={styles.cursor} x1={x(cursor)} x2={x(cursor)} y1={0} y2={plot.height} />
        )}
        {dragged !== null && (
          <rect
            className={styles.brush}
            x={Math.min(x(dragged.from), x(dragged.to))}
            width={Math.abs(x(dragged.to) - x(dragged.from))}
            height={plot.height}
          />
        )}
      </svg>
    </div>
  );
}

/** Handles the pointer: moving sets the cursor, dragging zooms, clicking opens the step. */
function useDrag(axis: StepAxis, x: ScaleLinear<number, number>) {
  const [dragged, setDragged] = useState<StepRange | null>(null);
  const stepAt = (event: PointerEvent): number =>
    clamp(Math.round(x.invert(event.clientX - event.currentTarget.getBoundingClientRect().left)), axis.range);
  const handlers = {
    onPointerDown: (event: PointerEvent) => {
      if (event.button === 0) setDragged({ from: stepAt(event), to: stepAt(event) });
    },
    onPointerMove: (event: PointerEvent) => {
      const step = stepAt(event);
      axis.cursor.set(step);
      if (dragged !== null) setDragged({ ...dragged, to: step });
    },
    onPointerUp: () => {
      setDragged(null);
      if (dragged === null) return;
      const [from, to] = [Math.min(dragged.from, dragged.to), Math.max(dragged.from, dragged.to)];
      if (to > from && x(to) - x(from) > 8) axis.zoom({ from, to });
      else axis.open?.(dragged.to);
    },
    onPointerLeave: () => {
      axis.cursor.set(null);
      setDragged(null);
    },
  };
  return { dragged, handlers };
}

/** Stages as alternating backgrounds, with step numbers below. */
export function StepGround({ axis, plot }: { readonly axis: StepAxis; readonly plot: Plot }) {
  const x = stepScale(axis, plot);
  const ticks = x.ticks(Math.max(2, Math.floor((plot.right - plot.left) / 80))).filter(Number.isInteger);
  return (
    <g>
      {axis.stages.map(({ stage, firstStep, lastStep }, index) => {
        if (firstStep <= axis.range.from && lastStep >= axis.range.to) return null;
        const [start, end] = [firstStep - 0.5, lastStep + 0.5].map((step) =>
          Math.min(plot.right, Math.max(plot.left, x(step))),
        );
        return index % 2 === 0 || end! <= start! ? null : (
          <rect key={stage} className={styles.band} x={start} width={end! - start!} height={plot.height} />
        );
      })}
      {ticks.map((tick) => (
        <text key={tick} x={x(tick)} y={plot.height} dy="1.3em" textAnchor="middle">
          {axis.unit === undefined ? tick : axis.unit.format(tick)}
        </text>
      ))}
    </g>
  );
}

function onKey(event: KeyboardEvent, axis: StepAxis, cursor: number | null): void {
  const { from, to } = axis.range;
  const far = event.shiftKey ? 10 : 1;
  const at = cursor ?? to;
  const moves: Readonly<Record<string, number | null>> = {
    ArrowLeft: at - (cursor === null ? 0 : far),
    ArrowRight: at + far,
    Home: from,
    End: to,
    Escape: null,
  };
  if (event.key === 'Enter') axis.open?.(at);
  const next = moves[event.key];
  if (next === undefined) return;
  event.preventDefault();
  axis.cursor.set(next === null ? null : clamp(next, axis.range));
}

const clamp = (step: number, { from, to }: StepRange): number => Math.max(from, Math.min(to, step));
