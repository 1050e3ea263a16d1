import { createContext, useContext, useMemo, useState, useSyncExternalStore, type ReactNode } from 'react';

/** Steps from `from` to `to`, inclusive. */
export interface StepRange {
  readonly from: number;
  readonly to: number;
}

/** A stage and its steps. */
export interface StageSpan {
  readonly stage: string;
  readonly firstStep: number;
  readonly lastStep: number;
}

/** A quantity on the axis: its name in the singular, and its format. */
export interface AxisUnit {
  readonly name: string;
  readonly format: (value: number) => string;
}

/** State shared by the charts of a page: visible steps, stages, and the step under the pointer. */
export interface StepAxis {
  readonly range: StepRange;
  readonly stages: readonly StageSpan[];
  readonly isSmooth: boolean;
  /** Quantity on the axis; absent: steps. */
  readonly unit?: AxisUnit;
  /** Shows a range of steps; `null`: all. */
  readonly zoom: (range: StepRange | null) => void;
  /** Opens a step; absent if steps cannot be opened. */
  readonly open?: (step: number) => void;
  readonly cursor: Cursor;
}

/** The step under the pointer. It is not React state, so that moving it redraws only lines, not whole charts. */
class Cursor {
  #step: number | null = null;
  readonly #listeners = new Set<() => void>();

  get = (): number | null => this.#step;

  set(step: number | null): void {
    if (step === this.#step) return;
    this.#step = step;
    for (const notify of this.#listeners) notify();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

const AxisContext = createContext<StepAxis | null>(null);

/** Formats a position on the axis as text: `step 12`, `3k tokens`. */
export function placeName({ unit }: Pick<StepAxis, 'unit'>, value: number): string {
  return unit === undefined ? `step ${value}` : `${unit.format(value)} ${unit.name}`.trim();
}

/** Shares one range of steps and one cursor among all charts inside it. */
export function SharedSteps(props: Omit<StepAxis, 'cursor'> & { readonly children: ReactNode }) {
  const { range, stages, isSmooth, unit, zoom, open, children } = props;
  const [cursor] = useState(() => new Cursor());
  const { from, to } = range;
  const axis = useMemo(
    () => ({
      range: { from, to },
      stages,
      isSmooth,
      zoom,
      cursor,
      ...(unit !== undefined && { unit }),
      ...(open !== undefined && { open }),
    }),
    [from, to, stages, isSmooth, unit, zoom, open, cursor],
  );
  return <AxisContext value={axis}>{children}</AxisContext>;
}

/** Returns the axis that surrounds a chart. */
export function useStepAxis(): StepAxis {
  const axis = useContext(AxisContext);
  if (axis === null) throw new Error('expected a SharedSteps component around the chart, found none');
  return axis;
}

/** Returns the step under the pointer and rerenders the component when it changes. */
export function useCursor({ cursor }: StepAxis): number | null {
  return useSyncExternalStore(cursor.subscribe, cursor.get);
}
