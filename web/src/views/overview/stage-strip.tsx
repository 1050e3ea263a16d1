import type { PlannedStage } from '../../../../src/services/dashboard/views/planned-stages.ts';
import type { RunDetail } from '../../../../src/services/dashboard/views/run-detail.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { duration } from '../../design/numbers.ts';
import { Card } from '../../design/parts.tsx';
import { useFilters } from '../../router.tsx';
import own from './overview.module.css';

/** The planned stages with their progress, and the exit rule of the current stage. */
export function StageStrip({ run, chosen }: { readonly run: RunDetail; readonly chosen: string }) {
  const [, set] = useFilters();
  const spans = new Map(run.stages.map((span) => [span.stage, span]));
  const title = `Stage ${Math.max(1, run.head.stagesBegun)} of ${run.plan.length}`;
  return (
    <Card title={title} note={noteOf(run)}>
      <ol className={own.strip}>
        {run.plan.map((stage) => {
          const span = spans.get(stage.stage);
          const done = span === undefined ? 0 : span.lastStep - span.firstStep + 1;
          const isNow = run.now?.stage === stage.stage;
          return (
            <li key={stage.stage} style={{ flexGrow: stage.maxSteps ?? 1 }}>
              <button
                type="button"
                className={own.stage}
                aria-pressed={chosen === stage.stage}
                disabled={span === undefined}
                onClick={() => set({ stage: chosen === stage.stage ? '' : stage.stage })}
              >
                <span className={own.stageName}>
                  <b>
                    <InertLine text={stage.stage} max={40} />
                  </b>{' '}
                  {stateOf(done, stage, isNow)}
                </span>
                <meter
                  className={own.meter}
                  aria-label={`${stage.stage}: steps done`}
                  max={isNow || span === undefined ? (stage.maxSteps ?? 1) : done}
                  value={done}
                />
                <span className={own.rule}>
                  <InertLine text={stage.select} max={90} />
                </span>
              </button>
            </li>
          );
        })}
      </ol>
    </Card>
  );
}

function stateOf(done: number, { maxSteps }: PlannedStage, isNow: boolean): string {
  const most = maxSteps === null ? '' : `at most ${maxSteps}`;
  if (done === 0) return `not started${most === '' ? '' : `, ${most} steps`}`;
  return isNow ? `step ${done}${most === '' ? '' : ` of ${most}`}` : `${done} steps, ended`;
}

function noteOf({ now, eta, head }: RunDetail): string {
  const parts = [
    ...(now?.reason == null ? [] : [now.reason]),
    ...(eta === null || head.status !== 'running'
      ? []
      : [`at most ${duration(eta.seconds)} left, ${duration(eta.stepSeconds)} per step`]),
  ];
  return parts.join(' · ');
}
