import type { DatabaseSync } from 'node:sqlite';
import type { FileSizes } from '../../storage/atomic.ts';
import { isCheckpointName, requireName } from './names.ts';

/** The columns of a checkpoint that determine whether it is kept. */
export interface CheckpointFacts {
  readonly id: number;
  readonly isStageEnd: boolean;
  readonly score: number | null;
}

/** For each table, the id of the last row that a checkpoint includes; all 0 at the start of a run. */
export interface Marks {
  readonly step: number;
  readonly shards: number;
  readonly groups: number;
  readonly events: number;
  readonly evaluations: number;
}

/** A row of `checkpoints`. */
export interface CheckpointRow extends CheckpointFacts {
  readonly folder: string;
  readonly step: number;
  readonly files: FileSizes;
  readonly marks: Marks;
}

/** Returns all checkpoints, oldest first. */
export function readCheckpoints(database: DatabaseSync): CheckpointRow[] {
  const rows = database.prepare('SELECT * FROM checkpoints ORDER BY id').all();
  return rows.map((row) => ({
    id: Number(row['id']),
    folder: requireName('checkpoints', String(row['folder']), isCheckpointName),
    step: Number(row['step']),
    isStageEnd: row['is_stage_end'] === 1,
    score: row['score'] === null ? null : Number(row['score']),
    files: JSON.parse(String(row['files'])) as FileSizes,
    marks: JSON.parse(String(row['marks'])) as Marks,
  }));
}
