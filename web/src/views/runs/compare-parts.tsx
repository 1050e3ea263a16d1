import { scaleLinear } from 'd3-scale';
import type { RecipeDifference } from '../../../../src/runs/reading/recipe-differences.ts';
import type { Share } from '../../../../src/services/dashboard/views/evaluations.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { short, signed } from '../../design/numbers.ts';
import { Card, Empty, Table } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import own from './runs.module.css';

/** Formats a change of accuracy in points with its interval. */
export function changeOf({ mean, low, high }: Share): string {
  const points = (share: number): string => signed(100 * share, short);
  const isSignificant = low > 0 || high < 0;
  return `${points(mean)} [${points(low)} … ${points(high)}]${isSignificant ? '' : ', not significant'}`;
}

/** Returns the largest absolute end of all intervals, but at least two points, as the range of a shared axis. */
export function widest(differences: readonly Share[]): number {
  return Math.max(0.02, ...differences.flatMap(({ low, high }) => [Math.abs(low), Math.abs(high)]));
}

/** A change and its interval on an axis centred at 0. */
export function Whisker(props: { readonly difference: Share; readonly most: number }) {
  const { mean, low, high } = props.difference;
  const x = scaleLinear([-props.most, props.most], [4, 196]);
  return (
    <svg className={own.bar} viewBox="0 0 200 20" aria-hidden="true">
      <line x1={x(0)} x2={x(0)} y1={0} y2={20} />
      <line className={own.interval} x1={x(low)} x2={x(high)} y1={10} y2={10} />
      <circle cx={x(mean)} cy={10} r={3.5} />
    </svg>
  );
}

/** The fields in which two recipes differ. */
export function RecipeCard(props: {
  readonly before: string;
  readonly after: string;
  readonly differences: readonly RecipeDifference[];
}) {
  return (
    <Card title="Recipe differences" note={`${props.differences.length} fields`}>
      {props.differences.length === 0 ? (
        <Empty>The recipes are equal. The list of runs shows the seeds.</Empty>
      ) : (
        <Recipe {...props} />
      )}
    </Card>
  );
}

function Recipe(props: {
  readonly before: string;
  readonly after: string;
  readonly differences: readonly RecipeDifference[];
}) {
  return (
    <Table name="Recipe differences" columns={['Field', props.before, props.after]}>
      {props.differences.map(({ path, before, after }) => (
        <tr key={path}>
          <td>
            <code>
              <InertLine text={path} max={200} />
            </code>
          </td>
          <td className={own.values}>{fieldValue(before)}</td>
          <td className={own.values}>{fieldValue(after)}</td>
        </tr>
      ))}
    </Table>
  );
}

function fieldValue(value: unknown) {
  if (value === undefined) return <span className={styles.soft}>absent</span>;
  return <InertLine text={typeof value === 'string' ? value : JSON.stringify(value)} max={400} />;
}
