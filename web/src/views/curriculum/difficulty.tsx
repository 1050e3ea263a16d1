import type { CurriculumView } from '../../../../src/services/dashboard/views/curriculum.ts';
import type { LevelFlow } from '../../../../src/services/dashboard/views/level-flows.ts';
import { FlowChart, nameOf } from '../../charts/flow-chart.tsx';
import { Histogram } from '../../charts/histogram.tsx';
import { InertLine } from '../../design/inert-text.tsx';
import { count } from '../../design/numbers.ts';
import { Card, Empty, Table } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';

/** How hard the problems are for this model: then and now, as each stage found them, and how sure that is. */
export function Difficulty({ curriculum }: { readonly curriculum: CurriculumView }) {
  const { selections, flows, atFirst, atLast } = curriculum;
  if (selections.length === 0)
    return (
      <Card title="Difficulty">
        <Empty>
          This run recorded no selections: it was made before they were kept, or measures nothing.
        </Empty>
      </Card>
    );
  return (
    <>
      <div className={styles.grid}>
        <Card title="Pass rates then and now" note="of the same problems">
          <Histogram
            title="Pass rates now"
            bins={atLast}
            before={atFirst}
            names={['first measured', 'last seen']}
          />
        </Card>
        {selections.map((one) => (
          <Card key={one.stage} title={`Measured for ${one.stage}`} note={`before step ${one.step + 1}`}>
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
            title={`How sure, for ${one.stage}`}
            note="width of the 95 % interval of a pass rate"
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
          title="Problems between levels"
          note="at each measurement; ribbons are problems, coloured by where they came from"
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
      <summary>As a table</summary>
      <Table
        name="Problems between levels"
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
