import { useMemo } from 'react';
import type {
  StrategyComparison,
  StrategyLine,
} from '../../../../src/services/dashboard/views/strategies.ts';
import { BudgetChart, CostKey, type CostLine, textOf } from '../../charts/budget-chart.tsx';
import { useData } from '../../data/use-data.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { percent, short, signed } from '../../design/numbers.ts';
import { Card, Empty, Field, Table, Waiting } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { ProblemName } from '../../design/problem-name.tsx';
import { useFilters } from '../../router.tsx';

/** The accuracy that each way of spending tokens on a problem gains, by difficulty bin. */
export function StrategiesView({ folder }: { readonly folder: string }) {
  const { data, error } = useData(['run', folder, 'strategies'], (source) => source.strategies(folder));
  const [query, change] = useFilters();
  if (data === undefined) return <Waiting error={error} what="the strategies" />;
  const comparison = data[Number(query.get('evaluation') ?? data.length) - 1] ?? data.at(-1);
  if (comparison === undefined)
    return (
      <div className={styles.stack}>
        <h1>Strategies</h1>
        <Empty>
          No evaluation of this run compares strategies. Add <code>strategies</code> to a suite of the recipe.
        </Empty>
      </div>
    );
  const rules = [...new Set(comparison.lines.flatMap(({ rule }) => rule ?? []))];
  const rule = rules.find((one) => one === query.get('rule')) ?? rules[0] ?? null;
  return (
    <div className={styles.stack}>
      <div className={styles.spread}>
        <div>
          <h1>Strategies</h1>
          <p className={styles.soft}>
            {comparison.scorer === null ? (
              'without a scorer'
            ) : (
              <InertLine text={`scorer ${comparison.scorer}`} />
            )}
            {`; one answer is right in ${percent(comparison.single)} of attempts`}
          </p>
        </div>
        <div className={styles.row}>
          <Field name="Evaluation">
            <select
              data-filter
              value={data.indexOf(comparison) + 1}
              onChange={(event) => change({ evaluation: event.target.value })}
            >
              {data.map(({ suite, step }, place) => (
                <option key={place} value={place + 1}>
                  {`${suite}, step ${step}`}
                </option>
              ))}
            </select>
          </Field>
          {rule !== null && (
            <Field name="Choice by score">
              <select data-filter value={rule} onChange={(event) => change({ rule: event.target.value })}>
                {rules.map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            </Field>
          )}
        </div>
      </div>
      <Warnings warnings={comparison.warnings} />
      <Comparison comparison={comparison} rule={rule} />
      <Chosen comparison={comparison} />
      <Trees folder={folder} comparison={comparison} />
    </div>
  );
}

function Warnings({ warnings }: { readonly warnings: readonly string[] }) {
  if (warnings.length === 0) return null;
  return (
    <section aria-label="Warnings" className={styles.noteWarn}>
      <ul>
        {warnings.map((warning) => (
          <li key={warning}>
            <InertLine text={warning} max={400} />
          </li>
        ))}
      </ul>
    </section>
  );
}

interface Part {
  readonly name: string;
  readonly problems: number;
  readonly lines: readonly CostLine[];
}

function Comparison(props: { readonly comparison: StrategyComparison; readonly rule: string | null }) {
  const { comparison, rule } = props;
  const { lines, bins, limits } = comparison;
  const parts = useMemo((): Part[] => {
    const shown = lines.filter((one) => one.rule === null || one.rule === rule);
    const total = bins.reduce((sum, { problems }) => sum + problems, 0);
    return [
      { name: 'All problems', problems: total, lines: shown.map((one, at) => costLine(one, at)) },
      ...bins
        .filter(({ problems }) => problems > 0)
        .map(({ bin, problems }) => ({
          name: `${bin[0]!.toUpperCase()}${bin.slice(1)} problems`,
          problems,
          lines: shown.map((one, at) => costLine(one, at, bin)),
        })),
    ];
  }, [lines, bins, rule]);
  const limit = limits.at(-1);
  return (
    <>
      <CostKey lines={parts[0]!.lines} />
      <div className={styles.grid}>
        {parts.map(({ name, problems, lines: some }, place) => (
          <Card key={name} title={name} note={`${problems}; 95 % intervals over problems`}>
            <BudgetChart
              title={name}
              lines={some}
              {...(place === 0 &&
                limit !== undefined && {
                  limit: { name: `a right answer among ${limit.budget}`, value: limit.share },
                })}
            />
          </Card>
        ))}
      </div>
      <details>
        <summary>Show as a table</summary>
        <Table
          name="Accuracy and tokens of each strategy"
          columns={['Strategy', 'N', ...parts.map(({ name }) => name)]}
        >
          {parts[0]!.lines.flatMap(({ name, budgets }, row) =>
            budgets.map((budget, at) => (
              <tr key={`${name} ${budget}`}>
                <td>{name}</td>
                <td>{budget}</td>
                {parts.map((part) => (
                  <td key={part.name} className={styles.nowrap}>
                    {textOf(part.lines[row]!.points[at]!)}
                  </td>
                ))}
              </tr>
            )),
          )}
        </Table>
      </details>
      <p className={styles.soft}>
        {`A right answer among N: ${limits.map(({ budget, share }) => `${budget}: ${percent(share)}`).join(', ')}.`}
        {limit !== undefined && ' The dashed line is the last of these, the upper limit for any choice.'}
      </p>
    </>
  );
}

const costLine = ({ name, rule, points }: StrategyLine, colour: number, bin?: string): CostLine => ({
  name: rule === null ? name : `${name} ${rule}`,
  colour,
  budgets: points.map(({ budget }) => budget),
  points: points.map(({ all, byBin }) => (bin === undefined ? all : byBin[bin]!)),
});

function Chosen({ comparison: { chosen, bins } }: { readonly comparison: StrategyComparison }) {
  if (chosen.length === 0) return null;
  const named = bins.filter(({ problems }) => problems > 0).map(({ bin }) => bin);
  const points = (share: number): string => signed(100 * share, short);
  return (
    <Card title="Chosen by bin" note="fitted on one half of the problems, judged on the other">
      <Table
        name="Chosen by bin"
        columns={['N', 'Half', ...named, 'Best single strategy', 'Gain over it, points']}
      >
        {chosen.flatMap(({ budget, halves, gain }) =>
          halves.map(({ byBin, single }, half) => (
            <tr key={`${budget} ${half}`}>
              <td>{budget}</td>
              <td>{half + 1}</td>
              {named.map((bin) => (
                <td key={bin}>{byBin[bin]}</td>
              ))}
              <td>{single}</td>
              <td className={styles.nowrap}>
                {half === 0 ? `${points(gain.mean)} [${points(gain.low)}, ${points(gain.high)}]` : ''}
              </td>
            </tr>
          )),
        )}
      </Table>
    </Card>
  );
}

function Trees(props: { readonly folder: string; readonly comparison: StrategyComparison }) {
  const { folder, comparison } = props;
  if (comparison.trees.length === 0) return null;
  return (
    <Card title="Search trees" note="of two problems per bin, chosen at random">
      <Table name="Search trees" columns={['Problem', 'Searches']}>
        {comparison.trees.map(({ problemId, group, searches }) => (
          <tr key={problemId}>
            <td>
              <ProblemName
                folder={folder}
                id={problemId}
                {...(group !== null && { to: ['runs', folder, 'group', String(group)] })}
              />
            </td>
            <td>{searches}</td>
          </tr>
        ))}
      </Table>
    </Card>
  );
}
