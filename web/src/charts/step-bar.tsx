import type { ScaleLinear } from 'd3-scale';
import { useRef, useState, type KeyboardEvent } from 'react';
import { mean } from '../../../src/statistics/summary.ts';
import { percent } from '../design/numbers.ts';
import styles from './chart.module.css';
import { useCursor, useStepAxis } from './step-axis.tsx';
import { StepGround, stepScale } from './step-frame.tsx';
import { useSize } from './use-size.ts';

/** Shares of a step's groups, in [0, 1], that are solved by none or all of their rollouts; the rest are mixed. */
export interface StepShares {
  readonly step: number;
  readonly none: number;
  readonly all: number;
}

interface Column extends StepShares {
  readonly toStep: number;
}

/** Minimum width of a column in pixels; steps are merged to keep it. */
const narrowest = 5;

/**
 * One column per step, with the shares of groups solved by none, some (the groups to learn from) and all of their
 * rollouts. Each column links to its groups. One column is in the tab order; arrow keys move between columns.
 */
export function StepBar(props: {
  readonly steps: readonly StepShares[];
  readonly hrefOf: (fromStep: number, toStep: number) => string;
}) {
  const axis = useStepAxis();
  const { element, width, unit } = useSize();
  const [at, setAt] = useState<number | null>(null);
  const list = useRef<SVGGElement>(null);
  const height = Math.round(64 * unit);
  const plot = { left: 46 * unit, right: width - 6, height: height - 20 * unit };
  const x = stepScale(axis, plot);
  const columns = merged(
    props.steps.filter(({ step }) => step >= axis.range.from && step <= axis.range.to),
    plot.right - plot.left,
  );
  const current = Math.min(at ?? columns.length - 1, columns.length - 1);
  const onKeyDown = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -columns.length, End: columns.length }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(columns.length - 1, current + by));
    setAt(next);
    list.current?.querySelectorAll<SVGAElement>('a')[next]?.focus();
  };
  return (
    <div className={styles.chart} ref={element}>
      <Legend columns={columns} />
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- the links inside are the controls */}
      <svg
        height={height}
        role="group"
        aria-label="Steps; each one links to its groups"
        onKeyDown={onKeyDown}
        onPointerLeave={() => axis.cursor.set(null)}
      >
        <StepGround axis={axis} plot={plot} />
        <Stacks columns={columns} height={plot.height} x={x} />
        <g ref={list}>
          {columns.map((column, index) => (
            <Link
              key={index}
              column={column}
              {...reach(column, x)}
              height={plot.height}
              href={props.hrefOf(column.step, column.toStep)}
              isCurrent={index === current}
              onPoint={() => axis.cursor.set(column.step)}
              onFocus={() => setAt(index)}
            />
          ))}
        </g>
      </svg>
    </div>
  );
}

/**
 * Draws one path per kind for all columns, because the page redraws after every reload, often on the machine that trains.
 */
function Stacks(props: {
  readonly columns: readonly Column[];
  readonly height: number;
  readonly x: ScaleLinear<number, number>;
}) {
  const { columns, height, x } = props;
  /** @param ends returns the ends of a column's part, as shares of the height from the top. */
  const outline = (ends: (column: Column) => readonly [top: number, bottom: number]): string =>
    columns
      .map((column) => {
        const { left, right } = reach(column, x);
        const [top, bottom] = ends(column).map((share) => (share * height).toFixed(1));
        const end = left + Math.max(0.5, right - left - (right - left > 4 ? 1 : 0));
        return `M${left.toFixed(1)},${top}H${end.toFixed(1)}V${bottom}H${left.toFixed(1)}Z`;
      })
      .join('');
  return (
    <g className={styles.stacks}>
      <path className={styles.all} d={outline(({ all }) => [0, all])} />
      <path className={styles.mixed} d={outline(({ all, none }) => [all, Math.max(all, 1 - none)])} />
      <path className={styles.none} d={outline(({ none }) => [1 - none, 1])} />
    </g>
  );
}

const reach = ({ step, toStep }: Column, x: ScaleLinear<number, number>) => ({
  left: x(step - 0.5),
  right: x(toStep + 0.5),
});

/** Link that covers a column; visible when it is focused or under the pointer. */
function Link(props: {
  readonly column: Column;
  readonly left: number;
  readonly right: number;
  readonly height: number;
  readonly href: string;
  readonly isCurrent: boolean;
  readonly onPoint: () => void;
  readonly onFocus: () => void;
}) {
  const { column, left, right, height, href, isCurrent, onPoint, onFocus } = props;
  return (
    <a
      className={styles.column}
      href={href}
      tabIndex={isCurrent ? 0 : -1}
      aria-label={labelOf(column)}
      onFocus={() => {
        onFocus();
        onPoint();
      }}
      onPointerEnter={onPoint}
    >
      <rect x={left} width={right - left} height={height} />
    </a>
  );
}

function Legend({ columns }: { readonly columns: readonly Column[] }) {
  const axis = useStepAxis();
  const cursor = useCursor(axis);
  const shown = columns.findLast(({ step }) => cursor === null || step <= cursor) ?? columns.at(-1);
  if (shown === undefined) return <div className={styles.key}>No steps yet.</div>;
  const parts = [
    ['all', 'all solved', shown.all],
    ['mixed', 'mixed', 1 - shown.all - shown.none],
    ['none', 'none solved', shown.none],
  ] as const;
  return (
    <div className={styles.key}>
      {parts.map(([kind, name, share]) => (
        <span key={kind}>
          <i className={`${styles.block} ${styles[kind]}`} />
          {name} <b>{percent(Math.max(0, share))}</b>
        </span>
      ))}
      <span>{spanOf(shown)}</span>
    </div>
  );
}

const spanOf = ({ step, toStep }: Column): string =>
  step === toStep ? `step ${step}` : `steps ${step}–${toStep}`;

const labelOf = (column: Column): string =>
  `${spanOf(column)}: ${percent(column.all)} all solved, ${percent(column.none)} none solved`;

/** Merges neighbouring steps into columns by their means, if there are more steps than fit. */
function merged(steps: readonly StepShares[], width: number): Column[] {
  const room = Math.max(1, Math.floor(width / narrowest));
  const size = Math.max(1, Math.ceil(steps.length / room));
  return Array.from({ length: Math.ceil(steps.length / size) }, (_, index) => {
    const some = steps.slice(index * size, (index + 1) * size);
    return {
      step: some[0]!.step,
      toStep: some.at(-1)!.step,
      none: mean(some.map(({ none }) => none)),
      all: mean(some.map(({ all }) => all)),
    };
  });
}
