import type { LevelCell } from '../../../src/services/dashboard/views/levels.ts';
import { percent, rate } from '../design/numbers.ts';
import styles from './chart.module.css';
import { heatFill } from './heat.ts';
import { useCursor, useStepAxis } from './step-axis.tsx';
import { StepGround, stepScale } from './step-frame.tsx';
import { useSize } from './use-size.ts';

/** Pass rate by level over the shared steps. Each cell links to its groups; its tooltip has the interval. */
export function HeatMap(props: {
  readonly cells: readonly LevelCell[];
  readonly hrefOf: (cell: LevelCell) => string;
}) {
  const axis = useStepAxis();
  const { element, width, unit } = useSize();
  const levels = [...Map.groupBy(props.cells, ({ level }) => level)];
  const row = Math.round(24 * unit);
  const plot = { left: (width < 520 ? 96 : 152) * unit, right: width - 6, height: levels.length * row };
  const x = stepScale(axis, plot);
  const isSeen = ({ fromStep, toStep }: LevelCell): boolean =>
    toStep >= axis.range.from && fromStep <= axis.range.to;
  return (
    <div className={styles.chart} ref={element}>
      <svg
        height={plot.height + 20 * unit}
        role="group"
        aria-label={`Pass rate of ${levels.length} levels over steps; each cell links to its groups`}
        onPointerLeave={() => axis.cursor.set(null)}
      >
        <StepGround axis={axis} plot={plot} />
        {levels.map(([level, cells], index) => (
          <g key={level} transform={`translate(0 ${index * row})`}>
            <text x={plot.left - 8} y={row / 2} dy="0.35em" textAnchor="end">
              {level.length > 22 ? `${level.slice(0, 21)}…` : level}
            </text>
            {cells.filter(isSeen).map((cell) => (
              <Cell
                key={cell.fromStep}
                cell={cell}
                href={props.hrefOf(cell)}
                left={Math.max(plot.left, x(cell.fromStep - 0.5))}
                right={Math.min(plot.right, x(cell.toStep + 0.5))}
                height={row}
                onPoint={() => axis.cursor.set(cell.fromStep)}
              />
            ))}
          </g>
        ))}
        <CursorLine height={plot.height} x={x} />
      </svg>
    </div>
  );
}

function Cell(props: {
  readonly cell: LevelCell;
  readonly href: string;
  readonly left: number;
  readonly right: number;
  readonly height: number;
  readonly onPoint: () => void;
}) {
  const { cell, left, right, height } = props;
  if (cell.trials === 0 || right <= left) return null;
  const share = cell.correct / cell.trials;
  const label = `${cell.level}, steps ${cell.fromStep}–${cell.toStep}: ${rate(cell.correct, cell.trials)} of ${cell.trials}`;
  return (
    <>
      <a href={props.href} aria-label={label} tabIndex={-1} onPointerEnter={props.onPoint}>
        <title>{label}</title>
        <rect
          className={styles.cell}
          x={left}
          y={0}
          width={right - left}
          height={height}
          rx={2}
          style={{ fill: heatFill(share) }}
        />
      </a>
      {right - left > 30 && (
        <text
          className={styles.share}
          aria-hidden="true"
          x={(left + right) / 2}
          y={height / 2}
          dy="0.35em"
          textAnchor="middle"
        >
          {Math.round(100 * share)}
        </text>
      )}
    </>
  );
}

function CursorLine({ height, x }: { readonly height: number; readonly x: (step: number) => number }) {
  const step = useCursor(useStepAxis());
  return step === null ? null : (
    <line className={styles.cursor} x1={x(step)} x2={x(step)} y1={0} y2={height} />
  );
}

/** The colour scale of a heat map. */
export function HeatScale() {
  return (
    <span className={styles.scale} role="img" aria-label="colour scale from 0 % (warm) to 100 % (blue)">
      {[0, 0.25, 0.5, 0.75, 1].map((share) => (
        <span key={share} style={{ background: heatFill(share) }}>
          {percent(share)}
        </span>
      ))}
    </span>
  );
}
