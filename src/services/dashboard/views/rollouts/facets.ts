import type { RunReader } from '../../../../runs/reading/run-reader.ts';

/** A filter value and the number of groups that have it; for outcome, finish and flag, the number of rollouts. */
export interface Facet {
  readonly value: string;
  readonly count: number;
}

/** `GET /api/runs/:run/facets`: the values of each filter, most frequent first; stages in order of training. */
export type Facets = Readonly<
  Record<
    'stage' | 'purpose' | 'domain' | 'family' | 'level' | 'outcome' | 'finish' | 'flag',
    readonly Facet[]
  >
>;

/** Returns the values of every filter for a run's tables. */
export function facetsView(run: RunReader): Facets {
  // Each of these queries is answered from a covering index.
  const stages = run.lists(
    `SELECT stage, purpose, level, count(*) FROM groups GROUP BY stage, purpose, level ORDER BY min(id)`,
  );
  const families = run.lists('SELECT domain, family, count(*) FROM groups GROUP BY domain, family');
  const rollouts = run.lists(
    'SELECT outcome, finish_reason, count(*) FROM rollouts GROUP BY outcome, finish_reason',
  );
  const flags = run.lists(
    `SELECT flag.value, count(*) FROM rollouts, json_each(rollouts.flags) flag
     WHERE rollouts.flags IS NOT NULL GROUP BY flag.value`,
  );
  const column = (rows: readonly unknown[][], at: number, count: number): Facet[] => {
    const counts = new Map<string, number>();
    for (const row of rows) {
      const value = row[at];
      if (typeof value === 'string') counts.set(value, (counts.get(value) ?? 0) + (row[count] as number));
    }
    return Array.from(counts, ([value, sum]) => ({ value, count: sum }));
  };
  return {
    stage: column(stages, 0, 3),
    purpose: mostFirst(column(stages, 1, 3)),
    domain: mostFirst(column(families, 0, 2)),
    family: mostFirst(column(families, 1, 2)),
    level: mostFirst(column(stages, 2, 3)),
    outcome: mostFirst(column(rollouts, 0, 2)),
    finish: mostFirst(column(rollouts, 1, 2)),
    flag: mostFirst(column(flags, 0, 1)),
  };
}

const mostFirst = (facets: readonly Facet[]): Facet[] => facets.toSorted((a, b) => b.count - a.count);
