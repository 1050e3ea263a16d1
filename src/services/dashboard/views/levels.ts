import * as z from 'zod';
import type { RunReader } from '../../../runs/reading/run-reader.ts';

/** Pass rates of one kind of problem in one span of steps. */
export interface LevelCell {
  /** Name of the level, family or domain. */
  readonly level: string;
  readonly fromStep: number;
  readonly toStep: number;
  readonly correct: number;
  readonly trials: number;
}

/** `GET /api/runs/:run/levels`: `LevelCell[]` over training rollouts. */
export const levelsQuery = z.strictObject({
  /** The kind by which to group problems; default: each problem's level, else its family, else its domain. */
  by: z.enum(['level', 'family', 'domain']).optional(),
  /** Maximum number of spans of steps. */
  spans: z.coerce.number<number>().int().min(1).max(200).default(40),
});

/** Query of `levelsView`, before defaults. */
export type LevelsQuery = z.input<typeof levelsQuery>;

/** Returns pass rates by kind of problem over steps; omits problems without that kind. */
export function levelsView(run: RunReader, { by, spans }: z.output<typeof levelsQuery>): LevelCell[] {
  const [[last]] = run.lists('SELECT coalesce(max(step), 1) FROM steps') as [[number]];
  const width = Math.ceil(last / spans);
  const column = by ?? 'coalesce(level, family, domain)';
  // Avoid the index on the kind: every group is read anyway, and using the index makes this query four times slower.
  const rows = run.lists(
    `SELECT ${column} AS kind, (step - 1) / ${width} AS span, sum(correct), sum(trials) FROM groups NOT INDEXED
     WHERE purpose = 'train' AND kind IS NOT NULL GROUP BY kind, span ORDER BY kind, span`,
  ) as [string, number, number, number][];
  return rows.map(([level, span, correct, trials]) => ({
    level,
    fromStep: span * width + 1,
    toStep: Math.min(last, (span + 1) * width),
    correct,
    trials,
  }));
}
