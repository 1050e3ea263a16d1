import type { LevelFlow } from '../../../src/services/dashboard/views/level-flows.ts';
import { count } from '../design/numbers.ts';
import styles from './chart.module.css';
import { placeFlows } from './place-flows.ts';
import { useSize } from './use-size.ts';

/** Problems moving between levels from one selection to the next: bars are levels, ribbons are problems. */
export function FlowChart({ flows }: { readonly flows: readonly LevelFlow[] }) {
  const { element, width, unit } = useSize();
  const height = Math.round(260 * unit);
  const label = Math.min(150 * unit, width / 4);
  const { nodes, ribbons } = placeFlows(flows, {
    left: 10,
    right: width - label,
    top: 22 * unit,
    bottom: height - 6,
    bar: 8 * unit,
  });
  const stages = [...new Map(nodes.map(({ stage, x }) => [stage, x]))];
  return (
    <div className={styles.chart} ref={element}>
      <svg
        height={height}
        role="img"
        aria-label="Problems by level at each selection, and their moves between levels; the table below has the numbers"
      >
        {stages.map(([stage, x]) => (
          <text key={stage} x={x} y={12 * unit}>
            {stage}
          </text>
        ))}
        {ribbons.map((ribbon) => (
          <path key={ribbon.key} className={`${styles.ribbon} ${seriesOf(ribbon.series)}`} d={ribbon.path}>
            <title>{`${nameOf(ribbon.from)} → ${nameOf(ribbon.to)}: ${count(ribbon.problems)} problems`}</title>
          </path>
        ))}
        {nodes.map((node) => (
          <g key={node.key}>
            <rect
              className={seriesOf(node.series)}
              fill="currentColor"
              stroke="none"
              x={node.x}
              y={node.y}
              width={8 * unit}
              height={Math.max(1, node.height)}
            >
              <title>{`${node.stage}, ${nameOf(node.level)}: ${count(node.problems)} problems`}</title>
            </rect>
            {node.height > 10 * unit && (
              <text x={node.x + 12 * unit} y={node.y + node.height / 2} dy="0.35em">
                {nameOf(node.level)} {count(node.problems)}
              </text>
            )}
          </g>
        ))}
      </svg>
    </div>
  );
}

/** Returns the display name of a level; '' stands for problems without a level. */
export const nameOf = (level: string): string => (level === '' ? 'no level' : level);

const series = [styles.s0, styles.s1, styles.s2, styles.s3, styles.s4, styles.s5];
const seriesOf = (index: number): string => series[index % series.length]!;
