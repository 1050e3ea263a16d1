import { lstatSync, rmSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { CallOutcome } from '../../core/transcript.ts';
import { inTransaction } from '../../storage/sqlite.ts';
import { runLayout } from '../files/layout.ts';
import type { RolloutRow } from '../files/rollout-row.ts';
import type { RunReader } from './run-reader.ts';
import { extractedAnswer, rowTurns } from './row-turns.ts';
import { type GroupRow, groupView } from './run-rows.ts';
import { matchExpression, type TextField } from './text-query.ts';

/*
 * Full-text index of a run's prompts, answers and completions, in `search.sqlite` beside the run.
 *
 * Training does not write it. Instead, each search extends it from the shards for a limited time, so older runs can be
 * searched too, and a run that is never searched costs nothing. The index stores words but no text (contentless FTS5),
 * so the text of a hit is read from its shard. The file can be rebuilt at any time.
 */

/**
 * Position of a document. A document is one rollout, or the prompt and gold answer of a problem; the latter belongs to
 * the problem's first group.
 */
export interface TextPlace {
  readonly group: number;
  /** Index of the rollout in its group; null for the problem. */
  readonly index: number | null;
}

/** See `TextQuery.calls`. */
export const callFilters = ['ok', 'failed', 'malformed', 'refused', 'none'] as const;
export type CallFilter = (typeof callFilters)[number];

const callBits: Readonly<Record<CallOutcome, number>> = { ok: 1, failed: 2, malformed: 4, refused: 8 };

/** Conditions for the documents to find. A missing condition matches every document. */
export interface TextQuery {
  /** Words that must all occur; `"several words"` is a phrase, `begin*` a prefix. */
  readonly text?: string | undefined;
  /** Fields to search; default: all. */
  readonly fields?: readonly TextField[] | undefined;
  /**
   * At least one of the attempt's tool calls must have one of these outcomes; `none` matches attempts without calls.
   */
  readonly calls?: readonly CallFilter[] | undefined;
  /** `given`: the start of the answer was given; `prompt`: it was not. */
  readonly start?: 'prompt' | 'given' | undefined;
  /** Minimum number of turns of the policy. */
  readonly minTurns?: number | undefined;
}

/** Number of indexed groups, and of all groups in the run. */
export interface IndexProgress {
  readonly indexed: number;
  readonly total: number;
}

/** A document's id is group × 4096 + place, so ids sort by group; the last place is that of the problem. */
const places = 4096;
const problemPlace = places - 1;

/** Returns the id of a document. */
const idOfPlace = ({ group, index }: TextPlace): number => group * places + (index ?? problemPlace);

/** Returns the document with an id. */
export function placeOfId(id: number): TextPlace {
  const index = id % places;
  return { group: Math.floor(id / places), index: index === problemPlace ? null : index };
}

const version = 1;
const tables = `
  CREATE VIRTUAL TABLE texts USING fts5(prompt, answer, completion, content='', contentless_delete=1,
    tokenize="unicode61 remove_diacritics 2");
  CREATE TABLE problems (problem_id TEXT PRIMARY KEY, group_id INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE attempts (             -- every rollout
    id INTEGER PRIMARY KEY,           -- of the document
    turns INTEGER NOT NULL,           -- written by the policy
    calls INTEGER NOT NULL,           -- sum of callBits of its calls
    is_given INTEGER NOT NULL         -- 1: the beginning of the answer was given
  );
  CREATE TABLE state (run_id TEXT NOT NULL, last_group INTEGER NOT NULL, sessions INTEGER NOT NULL);
  PRAGMA user_version = ${version};
`;

const groupsAtOnce = 16;
const columns = ['prompt', 'text', 'answer', 'evidence', 'messages'] as const;
type Indexed = Pick<RolloutRow, (typeof columns)[number]>;

/**
 * Opens the index of a run, or an index in memory if the folder of the run is not writable.
 *
 * @throws SQLite's error if another process writes to the index for too long.
 */
export function openTextIndex(run: RunReader): TextIndex {
  const { search } = runLayout(run.directory);
  const { id } = run.summary();
  // Do not follow a link: in a run copied from elsewhere, it may point to any file.
  if (lstatSync(search, { throwIfNoEntry: false })?.isSymbolicLink() === true) return inMemory(id);
  try {
    return new TextIndex(prepared(search, id), false);
  } catch (error) {
    if (resultCode(error) === sqliteBusy) throw error;
    return replaceTextIndex(run);
  }
}

/**
 * Replaces an index that is damaged or belongs to another version or run with a new one; keeps it in memory if the
 * folder of the run is not writable.
 */
export function replaceTextIndex(run: RunReader): TextIndex {
  const { search } = runLayout(run.directory);
  const { id } = run.summary();
  try {
    rmSync(search, { force: true });
    return new TextIndex(prepared(search, id), false);
  } catch {
    return inMemory(id);
  }
}

const inMemory = (runId: string): TextIndex => new TextIndex(prepared(':memory:', runId), true);

const sqliteBusy = 5;
/** Primary result codes of SQLite: read-only, corrupt, cannot open (the journal), not a database. */
const unusable: ReadonlySet<number | undefined> = new Set([8, 11, 14, 26]);

/** Returns whether an error means that an index can be neither read nor extended and must be replaced. */
export const isUnusableIndex = (error: unknown): boolean => unusable.has(resultCode(error));

/** Returns the primary result code, which extended codes contain in their low byte. */
function resultCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' ? code & 0xff : undefined;
}

function prepared(path: string, runId: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 2000 });
  try {
    // Durability is not needed: an index that a crash damages can be rebuilt.
    database.exec('PRAGMA trusted_schema = OFF; PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = OFF');
    const found = database.prepare('PRAGMA user_version').get()?.['user_version'];
    if (found === 0)
      inTransaction(database, () => {
        database.exec(tables);
        database.prepare('INSERT INTO state VALUES (?, 0, 0)').run(runId);
      });
    const state = database.prepare('SELECT run_id FROM state').get();
    if ((found !== 0 && found !== version) || state?.['run_id'] !== runId)
      throw new Error(`expected version ${version} of run ${runId}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Finds documents of a run by words, and rollouts by properties of their turns. */
export class TextIndex implements Disposable {
  readonly #database: DatabaseSync;
  /** True for an index in memory, which is lost when it is closed. */
  readonly isTemporary: boolean;

  constructor(database: DatabaseSync, isTemporary: boolean) {
    this.#database = database;
    this.isTemporary = isTemporary;
  }

  /** Adds missing groups for about `budgetMs` milliseconds, but at least one batch. */
  async extend(run: RunReader, budgetMs: number): Promise<IndexProgress> {
    const until = performance.now() + budgetMs;
    this.#forgetReplaced(run);
    for (;;) {
      const last = this.#lastGroup();
      const groups = run
        .rows(
          `SELECT g.*, shards.file FROM groups g JOIN shards ON shards.id = g.shard_id
           WHERE g.id > ? ORDER BY g.id LIMIT ${groupsAtOnce}`,
          last,
        )
        .map(groupView);
      if (groups.length === 0) break;
      const rows = await run.rollouts(groups, columns);
      inTransaction(this.#database, () => {
        // Another process may have added these groups in the meantime.
        if (this.#lastGroup() === last) this.#add(groups, rows);
      });
      if (performance.now() > until) break;
    }
    const [[total]] = run.lists('SELECT count(*) FROM groups') as [[number]];
    const [[indexed]] = run.lists('SELECT count(*) FROM groups WHERE id <= ?', this.#lastGroup()) as [
      [number],
    ];
    return { indexed, total };
  }

  /** Returns the ids of at most `limit` matching documents with an id below `before`, newest first. */
  find(query: TextQuery, limit: number, before = Number.MAX_SAFE_INTEGER): number[] {
    const { calls = [], start, minTurns = 1 } = query;
    const expression = matchExpression(query.text ?? '', query.fields);
    const bits = calls.reduce((sum, call) => sum | (call === 'none' ? 0 : callBits[call]), 0);
    const ofAttempt = [
      ...(calls.length === 0
        ? []
        : [`(a.calls & ${bits} <> 0${calls.includes('none') ? ' OR a.calls = 0' : ''})`]),
      ...(start === undefined ? [] : [`a.is_given = ${start === 'given' ? 1 : 0}`]),
      ...(minTurns > 1 ? ['a.turns >= ?'] : []),
    ];
    const values: SQLInputValue[] = [before, ...(minTurns > 1 ? [minTurns] : [])];
    const where = ['<id> < ?', ...ofAttempt];
    const [from, id] =
      expression === undefined
        ? ['attempts a', 'a.id']
        : ['texts LEFT JOIN attempts a ON a.id = texts.rowid', 'texts.rowid'];
    if (expression !== undefined) {
      where.push('texts MATCH ?');
      values.push(expression);
    }
    const statement = this.#database.prepare(
      `SELECT ${id} FROM ${from} WHERE ${where.join(' AND ').replace('<id>', id)} ORDER BY ${id} DESC LIMIT ?`,
    );
    statement.setReturnArrays(true);
    return (statement.all(...values, limit) as unknown as [number][]).map(([found]) => found);
  }

  #lastGroup(): number {
    return Number(this.#database.prepare('SELECT last_group FROM state').get()!['last_group']);
  }

  /** Removes documents of groups that a resumed run computes again under the same ids. */
  #forgetReplaced(run: RunReader): void {
    const known = Number(this.#database.prepare('SELECT sessions FROM state').get()!['sessions']);
    const sessions = run.sessions();
    if (sessions.length === known) return;
    const resumed = sessions.slice(Math.max(1, known)).map(({ resumedStep }) => resumedStep);
    inTransaction(this.#database, () => {
      if (resumed.length > 0) this.#forgetFrom(run, Math.min(...resumed));
      this.#database.prepare('UPDATE state SET sessions = ?').run(sessions.length);
    });
  }

  #forgetFrom(run: RunReader, step: number): void {
    const [[first]] = run.lists('SELECT min(id) FROM groups WHERE step >= ?', step) as [[number | null]];
    const [[last]] = run.lists('SELECT coalesce(max(id), 0) FROM groups') as [[number]];
    const group = first ?? last + 1;
    for (const table of ['texts WHERE rowid', 'attempts WHERE id'])
      this.#database.prepare(`DELETE FROM ${table} >= ?`).run(group * places);
    this.#database.prepare('DELETE FROM problems WHERE group_id >= ?').run(group);
    this.#database.prepare('UPDATE state SET last_group = min(last_group, ?)').run(group - 1);
  }

  /** Adds groups to the index. @param rows the rows of all groups, in the order of the groups. */
  #add(groups: readonly GroupRow[], rows: readonly Indexed[]): void {
    const addText = this.#database.prepare(
      'INSERT INTO texts (rowid, prompt, answer, completion) VALUES (?, ?, ?, ?)',
    );
    const addAttempt = this.#database.prepare('INSERT INTO attempts VALUES (?, ?, ?, ?)');
    const addProblem = this.#database.prepare('INSERT OR IGNORE INTO problems VALUES (?, ?)');
    let at = 0;
    for (const { id: group, problemId, rollouts } of groups) {
      const ofGroup = rows.slice(at, (at += rollouts));
      const [first] = ofGroup;
      if (first !== undefined && addProblem.run(problemId, group).changes === 1) {
        const prompt = first.prompt.map(({ content }) => content).join('\n');
        addText.run(idOfPlace({ group, index: null }), prompt, first.answer ?? '', '');
      }
      for (const [index, row] of ofGroup.slice(0, problemPlace).entries()) {
        const id = idOfPlace({ group, index });
        const { turns, calls, isGiven, text } = rowTurns(row);
        addText.run(id, '', extractedAnswer(row.evidence) ?? '', text);
        const bits = [...calls].reduce((sum, call) => sum | callBits[call], 0);
        addAttempt.run(id, turns, bits, Number(isGiven));
      }
    }
    this.#database.prepare('UPDATE state SET last_group = ?').run(groups.at(-1)!.id);
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
