import type { DatabaseSync } from 'node:sqlite';
import { RunError } from '../../core/errors.ts';
import { finishReasonOf, policyVersionOf, writtenTokens } from '../../core/rollout.ts';
import type { CheckpointRow, Marks } from '../files/checkpoint-rows.ts';
import { jsonText } from '../../storage/json-text.ts';
import type {
  EvaluationRecord,
  RecordedGroup,
  RolloutRecord,
  RunEvent,
  StageCandidate,
} from '../files/records.ts';
import { mean } from '../../statistics/summary.ts';

/**
 * Writes to a run's tables. Row ids count up from 1 without gaps. A checkpoint can therefore store the last id of each
 * table, and a resumed run assigns the same ids to later rows again.
 */

/** Last row ids of an empty run. */
export const startMarks: Marks = { step: 0, shards: 0, groups: 0, events: 0, evaluations: 0 };

const numberedTables = ['shards', 'groups', 'events', 'evaluations'] as const;

/** Returns the last id in each table. */
export function readMarks(database: DatabaseSync): Marks {
  const last = (table: string, column: string): number =>
    Number(database.prepare(`SELECT coalesce(max(${column}), 0) AS last FROM ${table}`).get()?.['last']);
  return {
    step: last('steps', 'step'),
    shards: last('shards', 'id'),
    groups: last('groups', 'id'),
    events: last('events', 'id'),
    evaluations: last('evaluations', 'id'),
  };
}

/** Removes everything recorded after the marks. */
export function truncateTo(database: DatabaseSync, marks: Marks): void {
  for (const table of ['steps', 'metrics'] as const) {
    database.prepare(`DELETE FROM ${table} WHERE step > ?`).run(marks.step);
  }
  for (const table of numberedTables) database.prepare(`DELETE FROM ${table} WHERE id > ?`).run(marks[table]);
  database.prepare('DELETE FROM rollouts WHERE group_id > ?').run(marks.groups);
  database.prepare('DELETE FROM selections WHERE event_id > ?').run(marks.events);
}

/** Inserts the row of a step. */
export function insertStep(
  database: DatabaseSync,
  { step, stage, decision = null }: { step: number; stage: string; decision?: string | null },
  at: string,
): void {
  database
    .prepare('INSERT INTO steps (step, stage, decision, recorded_at) VALUES (?, ?, ?, ?)')
    .run(step, stage, decision, at);
}

/** Inserts a step's metrics. A name is that of a timing either at all steps or at none. */
export function insertMetrics(
  database: DatabaseSync,
  step: number,
  metrics: Readonly<Record<string, number>>,
  isTiming: boolean,
): void {
  const find = database.prepare('SELECT id, is_timing FROM metric_names WHERE name = ?');
  const name = database.prepare('INSERT INTO metric_names (name, is_timing) VALUES (?, ?)');
  const insert = database.prepare('INSERT INTO metrics (name_id, step, value) VALUES (?, ?, ?)');
  for (const [metric, value] of Object.entries(metrics)) {
    const known = find.get(metric);
    if (known !== undefined && known['is_timing'] !== Number(isTiming)) {
      throw new RunError(
        `step ${step}: ${metric} was recorded both as a metric and as a timing; give it two names`,
        {
          code: 'RUN_METRIC_NAME',
        },
      );
    }
    insert.run(known?.['id'] ?? name.run(metric, Number(isTiming)).lastInsertRowid, step, value);
  }
}

/** Inserts the rows of a shard, which is already on disk, and of its groups. */
export function insertShard(
  database: DatabaseSync,
  record: RolloutRecord,
  file: string,
  bytes: number,
): void {
  const rollouts = record.groups.reduce((sum, { group }) => sum + group.rollouts.length, 0);
  const { lastInsertRowid: shard } = database
    .prepare('INSERT INTO shards (file, step, purpose, rollouts, bytes) VALUES (?, ?, ?, ?, ?)')
    .run(file, record.step, record.purpose, rollouts, bytes);
  const insert = database.prepare(
    `INSERT INTO groups (shard_id, first_row, step, stage, purpose, problem_id, domain, family, knob, level,
       policy_version, rollouts, trials, correct, mean_score, mean_reward, mean_tokens)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const insertRollout = database.prepare(
    `INSERT INTO rollouts (group_id, place, outcome, score, reward, advantage, tokens, finish_reason, reason, flags)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  let firstRow = 0;
  for (const recorded of record.groups) {
    const { lastInsertRowid: group } = insert.run(
      shard,
      firstRow,
      record.step,
      record.stage,
      record.purpose,
      ...groupColumns(recorded),
    );
    recorded.group.rollouts.forEach((_, place) => {
      insertRollout.run(group, place, ...rolloutColumns(recorded, place));
    });
    firstRow += recorded.group.rollouts.length;
  }
}

/** Inserts an event and, for the start of a stage, its candidate problems. */
export function insertEvent(
  database: DatabaseSync,
  event: RunEvent,
  candidates: readonly StageCandidate[],
  at: string,
): void {
  const { lastInsertRowid: id } = database
    .prepare('INSERT INTO events (step, stage, type, message, data, recorded_at) VALUES (?, ?, ?, ?, ?, ?)')
    .run(event.step, event.stage ?? null, event.type, event.message, eventData(event), at);
  const insert = database.prepare(
    `INSERT INTO selections (event_id, problem_id, domain, levels, correct, trials, is_selected)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  for (const { id: problem, domain, levels, measured, isSelected } of candidates) {
    const { successes, trials } = measured;
    insert.run(id, problem, domain, JSON.stringify(levels), successes, trials, Number(isSelected));
  }
}

/** Inserts the result of an evaluation. */
export function insertEvaluation(database: DatabaseSync, evaluation: EvaluationRecord, at: string): void {
  database
    .prepare('INSERT INTO evaluations (step, name, result, recorded_at) VALUES (?, ?, ?, ?)')
    .run(
      evaluation.step,
      evaluation.name,
      jsonText(evaluation.result, `the evaluation ${evaluation.name}`),
      at,
    );
}

/** Inserts the row of a checkpoint, which is already on disk. */
export function insertCheckpoint(database: DatabaseSync, row: Omit<CheckpointRow, 'id'>, at: string): void {
  database
    .prepare(
      'INSERT INTO checkpoints (folder, step, is_stage_end, score, files, marks, recorded_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    .run(
      row.folder,
      row.step,
      Number(row.isStageEnd),
      row.score,
      JSON.stringify(row.files),
      JSON.stringify(row.marks),
      at,
    );
}

/** Deletes the rows of checkpoints; the caller then removes their folders. */
export function deleteCheckpoints(database: DatabaseSync, ids: readonly number[]): void {
  const remove = database.prepare('DELETE FROM checkpoints WHERE id = ?');
  for (const id of ids) remove.run(id);
}

function groupColumns({ group, level, rewards }: RecordedGroup) {
  const { problem, rollouts } = group;
  const graded = rollouts.filter(({ verdict }) => verdict.outcome !== 'ungradable');
  return [
    problem.id,
    problem.domain,
    problem.family ?? null,
    problem.knob ?? null,
    level ?? null,
    (rollouts[0] && policyVersionOf(rollouts[0])) ?? 0,
    rollouts.length,
    graded.length,
    graded.filter(({ verdict }) => verdict.outcome === 'correct').length,
    meanOrNull(graded.map(({ verdict }) => verdict.score)),
    meanOrNull((rewards ?? []).filter((reward) => reward !== null)),
    meanOrNull(rollouts.map(writtenTokens)) ?? 0,
  ];
}

/** Maximum length of a verdict's reason in the index; the shard has the full text. */
const longestReason = 200;

function rolloutColumns({ group, rewards, advantages, flags }: RecordedGroup, place: number) {
  const rollout = group.rollouts[place]!;
  const { verdict } = rollout;
  const why = flags?.[place] ?? [];
  return [
    verdict.outcome,
    verdict.score,
    rewards?.[place] ?? null,
    advantages?.[place] ?? null,
    writtenTokens(rollout),
    finishReasonOf(rollout),
    verdict.reason.slice(0, longestReason),
    why.length === 0 ? null : JSON.stringify(why),
  ];
}

/** Returns the mean as a column value: NULL for an empty list. */
function meanOrNull(values: readonly number[]): number | null {
  return values.length === 0 ? null : mean(values);
}

function eventData({ type, data }: RunEvent): string | null {
  return data === undefined ? null : jsonText(data, `the event ${type}`);
}
