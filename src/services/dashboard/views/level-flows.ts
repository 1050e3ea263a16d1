import type { RunReader } from '../../../runs/reading/run-reader.ts';

/**
 * Number of problems that were in one level at a stage's selection and in a different (or the same) level at the next
 * stage's selection. The names of several levels are joined by ' + '; '' means no level.
 */
export interface LevelFlow {
  readonly fromStage: string;
  readonly toStage: string;
  readonly from: string;
  readonly to: string;
  readonly problems: number;
}

/** Returns the flows between consecutive selections; counts problems that were candidates in both. */
export function levelFlows(run: RunReader): LevelFlow[] {
  const events = run.lists(
    `SELECT id, stage FROM events WHERE EXISTS (SELECT 1 FROM selections WHERE event_id = events.id)
     ORDER BY id`,
  ) as [number, string][];
  const selections = events.map(([id]) => levelsAt(run, id));
  return events.slice(1).flatMap(([, toStage], index) => {
    const counts = countFlows(selections[index]!, selections[index + 1]!);
    return Array.from(counts, ([key, problems]) => {
      const [from, to] = JSON.parse(key) as [string, string];
      return { fromStage: events[index]![1], toStage, from, to, problems };
    });
  });
}

/** Returns the levels of each problem as JSON, by problem id. */
function levelsAt(run: RunReader, event: number): ReadonlyMap<string, string> {
  return new Map(
    run.lists('SELECT problem_id, levels FROM selections WHERE event_id = ?', event) as [string, string][],
  );
}

function countFlows(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>) {
  const named = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const [id, levels] of after) {
    const earlier = before.get(id);
    if (earlier === undefined) continue;
    const pair = `${earlier}→${levels}`;
    const key = named.get(pair) ?? JSON.stringify([joined(earlier), joined(levels)]);
    named.set(pair, key);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

const joined = (levels: string): string => (JSON.parse(levels) as string[]).join(' + ');
