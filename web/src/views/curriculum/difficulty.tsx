import type { CurriculumView } from '../../../../src/services/dashboard/views/curriculum.ts';
import type { LevelFlow } from '../../../../src/services/dashboard/views/level-flows.ts';
import { FlowChart, nameOf } from '../../charts/flow-chart.tsx';
import { Histogram } from '../../charts/histogram.tsx';
import { InertLine } from '../../design/inert-text.tsx';
import { count } from '../../design/numbers.ts';
import { Card, Empty, Table } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';

/** First and latest pass rates, pass rates at each stage's selection, and their uncertainty. */
export function Difficulty({ curriculum }: { readonly curriculum: CurriculumView }) {
  const { selections, flows, atFirst, atLast } = curriculum;
  if (selections.length === 0)
    return (
      <Card title="Difficulty">
        <Empty>
          No selections recorded: the run is from an older version, or its recipe measures no pass rates.
        </Empty>
      </Card>
    );
  return (
    <>
      <div className={styles.grid}>
        <Card title="Pass rates, first and latest" note="of the same problems">
          <Histogram
            title="Latest pass rates"
            bins={atLast}
            before={atFirst}
            names={['first measured', 'latest']}
          />
        </Card>
        {selections.map((one) => (
          <Card key={one.stage} title={`Pass rates at ${one.stage}`} note={`before step ${one.step + 1}`}>
            <Histogram
              title={`Selected for ${one.stage}`}
              bins={one.selectedRates}
              before={one.rates}
              names={['candidates', 'selected']}
            />
          </Card>
        ))}
        {selections.map((one) => (
          <Card
            key={one.stage}
            title={`Uncertainty at ${one.stage}`}
            note="widths of the pass rates' 95 % intervals"
          >
            <Histogram
              title={`Interval widths for ${one.stage}`}
              bins={one.intervalWidths}
              names={['', 'problems']}
            />
          </Card>
        ))}
      </div>
      {flows.length > 0 && (
        <Card
          title="Problems moving between levels"
          note="from one selection to the next; a ribbon has the colour of the level that its problems leave"
        >
          <FlowChart flows={flows} />
          <FlowTable flows={flows} />
        </Card>
      )}
    </>
  );
}

function FlowTable({ flows }: { readonly flows: readonly LevelFlow[] }) {
  return (
    <details>
      <summary>Show as a table</summary>
      <Table
        name="Problems moving between levels"
        columns={['From', 'Level before', 'To', 'Level after', 'Problems']}
      >
        {flows.map((flow) => (
          <tr key={JSON.stringify(flow)}>
            <td>
              <InertLine text={flow.fromStage} max={40} />
            </td>
            <td>
              <InertLine text={nameOf(flow.from)} max={60} />
            </td>
            <td>
              <InertLine text={flow.toStage} max={40} />
            </td>
            <td>
              <InertLine text={nameOf(flow.to)} max={60} />
            </td>
            <td>{count(flow.problems)}</td>
          </tr>
        ))}
      </Table>
    </details>
  );
}
