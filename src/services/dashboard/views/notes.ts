import * as z from 'zod';
import type { RunReader } from '../../../runs/reading/run-reader.ts';
import type { Row } from '../../../runs/reading/run-rows.ts';
import { type Page, pageFields, pageOf, pageSql } from './page.ts';
import { all, anyOf } from './sql.ts';

/** An event of a run. */
export interface RunNote {
  readonly id: number;
  readonly step: number;
  readonly stage: string | null;
  /** Kind of event in kebab-case: `stage-start`, `stage-end`, `short-batch`. */
  readonly type: string;
  readonly message: string;
}

/** `GET /api/runs/:run/notes`: `Page<RunNote>`, by default the newest first. */
export const notesQuery = z.strictObject({ type: z.array(z.string()).optional(), ...pageFields });

/** Query of `notesView`, before defaults. */
export type NotesQuery = z.input<typeof notesQuery>;

/** Lists the events of a run, one page at a time. */
export function notesView(run: RunReader, { type, ...paging }: z.output<typeof notesQuery>): Page<RunNote> {
  const page = { keys: [{ sql: 'id' }], ...paging };
  const where = all([anyOf('type', type)]);
  const { columns, after, tail } = pageSql(page);
  const [[total]] = run.lists(`SELECT count(*) FROM events WHERE ${where.sql}`, ...where.values) as [
    [number],
  ];
  const rows = run.rows(
    `SELECT *, ${columns} FROM events WHERE ${where.sql} AND ${after.sql} ${tail}`,
    ...where.values,
    ...after.values,
  );
  return pageOf(rows, page, total, runNote);
}

/** Returns the starts and ends of stages, and the last 100 other events, in order. */
export function latestNotes(run: RunReader): RunNote[] {
  return run
    .rows(
      `SELECT * FROM events WHERE type LIKE 'stage-%'
         OR id > (SELECT coalesce(max(id), 0) - 100 FROM events) ORDER BY id`,
    )
    .map(runNote);
}

function runNote(row: Row): RunNote {
  return {
    id: Number(row['id']),
    step: Number(row['step']),
    stage: row['stage'] as string | null,
    type: String(row['type']),
    message: String(row['message']),
  };
}
