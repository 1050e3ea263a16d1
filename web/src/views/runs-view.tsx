import { Badge, Card, Empty } from '../design/parts.tsx';
import styles from '../design/parts.module.css';
import { useData } from '../data/use-data.ts';
import { Link } from '../router.tsx';

/** All runs of the folder, as they stand. */
export function RunsView() {
  const { data, error } = useData(['runs'], (source) => source.runs());
  if (error !== null) return <Empty>{error.message}</Empty>;
  if (data === undefined) return <p>Reading the runs…</p>;
  if (data.length === 0) return <Empty>No runs here yet. `gradus demo` makes one in minutes.</Empty>;
  return (
    <div className={styles.stack}>
      <h1>Runs</h1>
      <Card title="All runs" note={`${data.length}`}>
        <div className={styles.scroll}>
          <table>
            <thead>
              <tr>
                {['Run', 'State', 'Step', 'Stage', 'Seed', 'Recipe', 'Began'].map((name) => (
                  <th key={name}>{name}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.map((run) =>
                'problem' in run ? (
                  <tr key={run.folder}>
                    <td>{run.folder}</td>
                    <td colSpan={6}>{run.problem}</td>
                  </tr>
                ) : (
                  <tr key={run.folder}>
                    <td>
                      <Link to={['runs', run.folder, 'overview']}>{run.folder}</Link>
                    </td>
                    <td>
                      <Badge word={run.status} />
                    </td>
                    <td>{run.step}</td>
                    <td>{run.stage ?? '–'}</td>
                    <td>{run.seed}</td>
                    <td>
                      <code>{run.recipeHash.slice(0, 8)}</code>
                    </td>
                    <td>{run.createdAt.slice(0, 16).replace('T', ' ')} UTC</td>
                  </tr>
                ),
              )}
            </tbody>
          </table>
        </div>
      </Card>
    </div>
  );
}
