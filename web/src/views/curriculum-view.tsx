import { HeatMap } from '../charts/heat-map.tsx';
import { useData } from '../data/use-data.ts';
import { rate } from '../design/numbers.ts';
import { InertLine } from '../design/inert-text.tsx';
import { Card, Empty } from '../design/parts.tsx';
import styles from '../design/parts.module.css';

/** How hard what was trained on was for this model, and what the stages decided. */
export function CurriculumView({ folder }: { readonly folder: string }) {
  const { data: run } = useData(['run', folder], (source) => source.run(folder));
  const { data: cells } = useData(['run', folder, 'levels'], (source) => source.levels(folder));
  const decisions = (run?.events ?? []).filter(({ type }) => type.startsWith('stage'));
  return (
    <div className={styles.stack}>
      <h1>Curriculum</h1>
      <Card
        title="Pass rate by kind of problem"
        note="share correct of the rollouts trained on; columns begin at the step written below"
      >
        {cells === undefined || cells.length === 0 ? (
          <Empty>No group was recorded yet.</Empty>
        ) : (
          <HeatMap cells={cells} />
        )}
        <details>
          <summary>As a table</summary>
          <table>
            <tbody>
              {cells?.map((cell) => (
                <tr key={`${cell.level}-${cell.fromStep}`}>
                  <td>{cell.level}</td>
                  <td>
                    steps {cell.fromStep}–{cell.toStep}
                  </td>
                  <td>{rate(cell.correct, cell.trials)}</td>
                  <td>{cell.trials} trials</td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      </Card>
      <Card title="What the stages decided">
        <table>
          <tbody>
            {decisions.map((event, index) => (
              <tr key={index}>
                <td>step {event.step}</td>
                <td>
                  <InertLine text={event.message} max={400} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Card>
    </div>
  );
}
