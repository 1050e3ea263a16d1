import { useCallback } from 'react';
import type { LevelCell } from '../../../../src/services/dashboard/views/levels.ts';
import type { RunDetail } from '../../../../src/services/dashboard/views/run-detail.ts';
import { HeatMap, HeatScale } from '../../charts/heat-map.tsx';
import { SharedSteps } from '../../charts/step-axis.tsx';
import { useSharedSteps } from '../../charts/use-shared-steps.ts';
import { useData, useRun } from '../../data/use-data.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { rate } from '../../design/numbers.ts';
import { Card, Empty, Field, Table, Waiting } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { hrefOf, useFilters } from '../../router.tsx';
import { Decisions } from './decisions.tsx';
import { Difficulty } from './difficulty.tsx';
import { SamplerCharts } from './sampler-charts.tsx';
import { Stages } from './stages.tsx';

/** Pass rates over steps, and the decisions of stages, samplers and gates. */
export function CurriculumView({ folder }: { readonly folder: string }) {
  const { data: run, error } = useRun(folder);
  const { data: curriculum } = useData(['run', folder, 'curriculum'], (source) => source.curriculum(folder));
  if (run === undefined) return <Waiting error={error} what={folder} />;
  return <Curriculum folder={folder} run={run} curriculum={curriculum} />;
}

function Curriculum(props: {
  readonly folder: string;
  readonly run: RunDetail;
  readonly curriculum: React.ComponentProps<typeof Difficulty>['curriculum'] | undefined;
}) {
  const { folder, run, curriculum } = props;
  const steps = useSharedSteps(folder, run);
  return (
    <SharedSteps {...steps}>
      <div className={styles.stack}>
        <h1>Curriculum</h1>
        <Rates folder={folder} />
        <Stages run={run} selections={curriculum?.selections ?? []} />
        {curriculum !== undefined && <Difficulty curriculum={curriculum} />}
        {curriculum !== undefined && <SamplerCharts folder={folder} run={run} curriculum={curriculum} />}
        <Decisions folder={folder} />
      </div>
    </SharedSteps>
  );
}

const kinds = ['level', 'family', 'domain'] as const;

function Rates({ folder }: { readonly folder: string }) {
  const [query, set] = useFilters();
  const by = kinds.find((kind) => kind === query.get('by'));
  const { data: cells, error } = useData(['run', folder, 'levels', by ?? ''], (source) =>
    source.levels(folder, by === undefined ? {} : { by }),
  );
  const href = useCallback(
    ({ level, fromStep, toStep }: LevelCell) =>
      hrefOf(['runs', folder, 'rollouts'], {
        ...(by !== undefined && { [by]: level }),
        from: fromStep,
        to: toStep,
      }),
    [folder, by],
  );
  return (
    <Card title="Pass rate over steps" note="of training rollouts; click a cell to open its groups">
      <div className={styles.spread}>
        <HeatScale />
        <Field name="Rows">
          <select data-filter value={by ?? ''} onChange={(event) => set({ by: event.target.value })}>
            <option value="">by level, else family</option>
            {kinds.map((kind) => (
              <option key={kind} value={kind}>
                by {kind}
              </option>
            ))}
          </select>
        </Field>
      </div>
      {error !== null && <Empty>{error.message}</Empty>}
      {cells?.length === 0 && <Empty>No groups yet.</Empty>}
      {cells !== undefined && cells.length > 0 && (
        <>
          <HeatMap cells={cells} hrefOf={href} />
          <CellTable cells={cells} hrefOf={href} />
        </>
      )}
    </Card>
  );
}

function CellTable(props: {
  readonly cells: readonly LevelCell[];
  readonly hrefOf: (cell: LevelCell) => string;
}) {
  const { cells } = props;
  return (
    <details>
      <summary>Show as a table</summary>
      <Table name="Pass rate over steps" columns={['Level', 'Steps', 'Pass rate', 'Trials']}>
        {cells.map((cell) => (
          <tr key={`${cell.level}-${cell.fromStep}`}>
            <td>
              <InertLine text={cell.level} max={60} />
            </td>
            <td>
              <a href={props.hrefOf(cell)}>
                {cell.fromStep}–{cell.toStep}
              </a>
            </td>
            <td>{rate(cell.correct, cell.trials)}</td>
            <td>{cell.trials}</td>
          </tr>
        ))}
      </Table>
    </details>
  );
}
