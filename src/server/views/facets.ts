import type { RunReader } from '../../runs/run-reader.ts';

/** A value that filters can take, and how many groups have it (of outcome, finish and flag: rollouts). */
export interface Facet {
  readonly value: string;
  readonly count: number;
}

/** `GET /api/runs/:run/facets`: what each filter of the tables can be set to, most frequent first; stages in order. */
export type Facets = Readonly<
  Record<
    'stage' | 'purpose' | 'domain' | 'family' | 'level' | 'outcome' | 'finish' | 'flag',
    readonly Facet[]
  >
>;

/** All filters of the tables of a run. */
export function facetsView(run: RunReader): Facets {
  const groups = run.lists(
    `SELECT stage, purpose, domain, family, level, count(*), min(id) FROM groups
     GROUP BY stage, purpose, domain, family, level ORDER BY min(id)`,
  );
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
    stage: column(groups, 0, 5),
    purpose: mostFirst(column(groups, 1, 5)),
    domain: mostFirst(column(groups, 2, 5)),
    family: mostFirst(column(groups, 3, 5)),
    level: mostFirst(column(groups, 4, 5)),
    outcome: mostFirst(column(rollouts, 0, 2)),
    finish: mostFirst(column(rollouts, 1, 2)),
    flag: mostFirst(column(flags, 0, 1)),
  };
}

const mostFirst = (facets: readonly Facet[]): Facet[] => facets.toSorted((a, b) => b.count - a.count);
