import type { StageSelection } from '../../../../src/services/dashboard/views/curriculum.ts';
import type { PlannedStage } from '../../../../src/services/dashboard/views/planned-stages.ts';
import type { RunDetail } from '../../../../src/services/dashboard/views/run-detail.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { Label } from '../../design/label.tsx';
import { count } from '../../design/numbers.ts';
import { Card } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import own from './curriculum.module.css';

/** The plan of each stage, its selection and the reason for it, and why the stage ended. */
export function Stages(props: { readonly run: RunDetail; readonly selections: readonly StageSelection[] }) {
  const { run, selections } = props;
  return (
    <Card title="Stages" note={`${run.plan.length} planned, ${run.head.stagesBegun} started`}>
      <div className={own.stages}>
        {run.plan.map((stage) => (
          <Stage
            key={stage.stage}
            stage={stage}
            run={run}
            selection={selections.find((one) => one.stage === stage.stage)}
          />
        ))}
      </div>
    </Card>
  );
}

function Stage(props: {
  readonly stage: PlannedStage;
  readonly run: RunDetail;
  readonly selection: StageSelection | undefined;
}) {
  const { stage, run, selection } = props;
  const span = run.stages.find((one) => one.stage === stage.stage);
  const messageOf = (type: string): string | undefined =>
    run.events.findLast((event) => event.type === type && event.stage === stage.stage)?.message;
  const end = messageOf('stage-end') ?? (run.now?.stage === stage.stage ? run.now.reason : null);
  const facts: (readonly [string, string | null | undefined])[] = [
    ['Selects', stage.select],
    ['Re-measures', stage.sampler === null ? null : (stage.remeasure ?? 'nothing')],
    ['Selection', selection?.message ?? messageOf('stage-start')],
    ['Sampler', stage.sampler],
    ['Gates', stage.sampler === null ? null : stage.gates.join(', ') || 'none'],
    ['Ends when', stage.advanceWhen ?? `${stage.maxSteps ?? 'all'} steps are done`],
    [messageOf('stage-end') === undefined ? 'Progress' : 'Ended', end],
  ];
  return (
    <section aria-label={`Stage ${stage.stage}`}>
      <h3>
        <InertLine text={stage.stage} max={60} />{' '}
        <span className={styles.small}>
          {span === undefined ? 'not started' : `steps ${span.firstStep}–${span.lastStep}`}
        </span>
      </h3>
      <dl className={styles.facts}>
        {facts.map(([name, text]) =>
          text === null || text === undefined ? null : (
            <div key={name} className={own.fact}>
              <dt>
                <Label text={name} />
              </dt>
              <dd>
                <InertLine text={text} max={400} />
              </dd>
            </div>
          ),
        )}
      </dl>
      {selection !== undefined && <Levels selection={selection} />}
    </section>
  );
}

/** Problems per level, and how many of them the stage selected. */
function Levels({ selection: { levels, selected, candidates } }: { readonly selection: StageSelection }) {
  const most = Math.max(1, ...levels.map(({ problems }) => problems));
  return (
    <table className={own.levels}>
      <caption className={styles.small}>
        {count(selected)} of {count(candidates)} problems selected; a problem may be in several levels
      </caption>
      <tbody>
        {levels.map(({ level, problems, selected: chosen }) => (
          <tr key={level}>
            <th scope="row">
              <InertLine text={level === '' ? 'no level' : level} max={40} />
            </th>
            <td className={own.levelBar}>
              <span className={own.held} style={{ width: `${(100 * problems) / most}%` }}>
                <span className={own.taken} style={{ width: `${(100 * chosen) / Math.max(1, problems)}%` }} />
              </span>
            </td>
            <td className={styles.number}>
              {count(chosen)} of {count(problems)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
