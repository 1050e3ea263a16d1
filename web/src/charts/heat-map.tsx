import type { LevelCell } from '../../../src/server/views/levels.ts';
import { percent, rate } from '../design/numbers.ts';
import styles from './chart.module.css';
import { useWidth } from './use-width.ts';

const row = 24;
const left = 148;

/** Pass rate by level over steps: darker is solved more often; a cell says its interval when pointed at. */
export function HeatMap({ cells }: { readonly cells: readonly LevelCell[] }) {
  const [element, width] = useWidth();
  const levels = [...new Set(cells.map(({ level }) => level))];
  const spans = [...new Set(cells.map(({ fromStep }) => fromStep))].toSorted((a, b) => a - b);
  const label = width < 500 ? 104 : left;
  const cellWidth = (width - label) / Math.max(1, spans.length);
  const wide = cellWidth > 40;
  return (
    <div className={styles.chart} ref={element}>
      <svg
        height={levels.length * row + 22}
        role="img"
        aria-label={`Pass rate of ${levels.length} levels over ${spans.length} spans of steps; the table below holds the numbers`}
      >
        {levels.map((level, index) => (
          <text key={level} x={label - 8} y={index * row + 16} textAnchor="end">
            {level}
          </text>
        ))}
        {cells.map(({ level, fromStep, toStep, correct, trials }) => {
          const x = label + spans.indexOf(fromStep) * cellWidth;
          const y = levels.indexOf(level) * row;
          const share = trials === 0 ? 0 : correct / trials;
          return (
            <g key={`${level}-${fromStep}`}>
              <rect className={styles.empty} x={x} y={y} width={cellWidth - 2} height={row - 2} rx={2} />
              <rect
                className={styles.cell}
                fillOpacity={trials === 0 ? 0 : 0.06 + 0.44 * share}
                x={x}
                y={y}
                width={cellWidth - 2}
                height={row - 2}
                rx={2}
              >
                <title>{`${level}, steps ${fromStep}–${toStep}: ${rate(correct, trials)}`}</title>
              </rect>
              {wide && trials > 0 && (
                <text
                  className={styles.share}
                  x={x + cellWidth / 2}
                  y={y + 15}
                  textAnchor="middle"
                  pointerEvents="none"
                >
                  {percent(Math.round(100 * share) / 100).replace('.0', '')}
                </text>
              )}
            </g>
          );
        })}
        {spans.map((span, index) => (
          <text
            key={span}
            x={label + (index + 0.5) * cellWidth}
            y={levels.length * row + 14}
            textAnchor="middle"
          >
            {wide || index % 2 === 0 ? span : ''}
          </text>
        ))}
      </svg>
    </div>
  );
}
