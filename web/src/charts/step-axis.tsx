import { createContext, useContext, useMemo, useState, useSyncExternalStore, type ReactNode } from 'react';

/** Steps from `from` to `to`, both included. */
export interface StepRange {
  readonly from: number;
  readonly to: number;
}

/** A stage and the steps it took. */
export interface StageSpan {
  readonly stage: string;
  readonly firstStep: number;
  readonly lastStep: number;
}

/** What the charts of a page share: the steps shown, the stages behind them, the step pointed at. */
export interface StepAxis {
  readonly range: StepRange;
  readonly stages: readonly StageSpan[];
  readonly isSmooth: boolean;
  /** Shows other steps; `null`: all. */
  readonly zoom: (range: StepRange | null) => void;
  /** Goes to what is behind a step; absent where nothing is. */
  readonly open?: (step: number) => void;
  readonly cursor: Cursor;
}

/** The step pointed at. Held outside React's state, so that moving it draws lines and not whole charts. */
class Cursor {
  #step: number | null = null;
  readonly #listeners = new Set<() => void>();

  get = (): number | null => this.#step;

  set(step: number | null): void {
    if (step === this.#step) return;
    this.#step = step;
    for (const tell of this.#listeners) tell();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

const AxisContext = createContext<StepAxis | null>(null);

/** All charts inside show the same steps and point at the same one. */
export function SharedSteps(props: Omit<StepAxis, 'cursor'> & { readonly children: ReactNode }) {
  const { range, stages, isSmooth, zoom, open, children } = props;
  const [cursor] = useState(() => new Cursor());
  const { from, to } = range;
  const axis = useMemo(
    () => ({ range: { from, to }, stages, isSmooth, zoom, cursor, ...(open !== undefined && { open }) }),
    [from, to, stages, isSmooth, zoom, open, cursor],
  );
  return <AxisContext value={axis}>{children}</AxisContext>;
}

/** The axis around a chart. */
export function useStepAxis(): StepAxis {
  const axis = useContext(AxisContext);
  if (axis === null) throw new Error('expected shared steps around the chart, found none');
  return axis;
}

/** The step pointed at; the component is drawn again whenever it changes. */
export function useCursor({ cursor }: StepAxis): number | null {
  return useSyncExternalStore(cursor.subscribe, cursor.get);
}
