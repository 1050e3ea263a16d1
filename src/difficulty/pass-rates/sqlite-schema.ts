import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { DataError, messageOf } from '../../core/errors.ts';
import { inTransaction } from '../../storage/sqlite.ts';

/**
 * `conditions` assigns a number to each distinct set of conditions, and `problems` to each problem id; `observations`
 * has one row per judged attempt, in key order on disk (WITHOUT ROWID), so that reading one set of conditions is one
 * scan. Triggers make the history append-only.
 */
const firstVersion = `
  CREATE TABLE conditions (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL, temperature REAL NOT NULL, top_p REAL NOT NULL,
    max_tokens INTEGER NOT NULL, verifier TEXT NOT NULL,
    UNIQUE (model, temperature, top_p, max_tokens, verifier)
  ) STRICT;
  CREATE TABLE problems (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE observations (
    conditions INTEGER NOT NULL REFERENCES conditions, problem INTEGER NOT NULL REFERENCES problems,
    source TEXT NOT NULL, step INTEGER NOT NULL, rollout INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('correct', 'incorrect', 'unparsed', 'timeout', 'ungradable')),
    PRIMARY KEY (conditions, problem, source, step, rollout)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER never_changed BEFORE UPDATE ON observations BEGIN SELECT RAISE(ABORT, 'observations are append-only'); END;
  CREATE TRIGGER never_deleted BEFORE DELETE ON observations BEGIN SELECT RAISE(ABORT, 'observations are append-only'); END;
`;

/**
 * Adds top-k and stop strings to the conditions (`stop` is a sorted JSON list); earlier attempts used neither.
 * `spending` has a row for each model behind a server: total requests, tokens and cost.
 */
const secondVersion = `
  CREATE TABLE all_conditions (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL, temperature REAL NOT NULL, top_p REAL NOT NULL, top_k INTEGER NOT NULL, stop TEXT NOT NULL,
    max_tokens INTEGER NOT NULL, verifier TEXT NOT NULL,
    UNIQUE (model, temperature, top_p, top_k, stop, max_tokens, verifier)
  ) STRICT;
  INSERT INTO all_conditions
    SELECT id, model, temperature, top_p, 0, '[]', max_tokens, verifier FROM conditions;
  DROP TABLE conditions;
  ALTER TABLE all_conditions RENAME TO conditions;
  CREATE TABLE spending (
    id INTEGER PRIMARY KEY, model TEXT NOT NULL, requests INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cost REAL
  ) STRICT;
`;

/**
 * Adds the chat template to the conditions and editions to problems; earlier attempts have an unknown template and
 * edition, ''. Attempts keep their tokens and finish reason.
 */
const thirdVersion = `
  CREATE TABLE all_conditions (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL, template TEXT NOT NULL,
    temperature REAL NOT NULL, top_p REAL NOT NULL, top_k INTEGER NOT NULL, stop TEXT NOT NULL,
    max_tokens INTEGER NOT NULL, verifier TEXT NOT NULL,
    UNIQUE (model, template, temperature, top_p, top_k, stop, max_tokens, verifier)
  ) STRICT;
  INSERT INTO all_conditions
    SELECT id, model, '', temperature, top_p, top_k, stop, max_tokens, verifier FROM conditions;
  DROP TABLE conditions;
  ALTER TABLE all_conditions RENAME TO conditions;
  CREATE TABLE all_problems (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, edition TEXT NOT NULL,
    UNIQUE (name, edition)
  ) STRICT;
  INSERT INTO all_problems SELECT id, name, '' FROM problems;
  DROP TABLE problems;
  ALTER TABLE all_problems RENAME TO problems;
  ALTER TABLE observations ADD COLUMN prompt_tokens INTEGER;
  ALTER TABLE observations ADD COLUMN tokens INTEGER;
  ALTER TABLE observations ADD COLUMN finish_reason TEXT;
`;

/** Adds the files from which measured problems were read, each once, as the JSON of a `SourceRecord`. */
const fourthVersion = `
  CREATE TABLE sources (id INTEGER PRIMARY KEY, record TEXT NOT NULL UNIQUE) STRICT;
`;

/**
 * Adds log-likelihoods of reference texts. `scorings` assigns a number to each distinct way of scoring: weights,
 * template, and the version of the text format. A text is identified by its kind and the digest of its content.
 */
const fifthVersion = `
  CREATE TABLE scorings (
    id INTEGER PRIMARY KEY, model TEXT NOT NULL, template TEXT NOT NULL, version TEXT NOT NULL,
    UNIQUE (model, template, version)
  ) STRICT;
  CREATE TABLE likelihoods (
    scoring INTEGER NOT NULL REFERENCES scorings, problem INTEGER NOT NULL REFERENCES problems,
    text TEXT NOT NULL, digest TEXT NOT NULL, logprob REAL NOT NULL, tokens INTEGER NOT NULL,
    PRIMARY KEY (scoring, problem, text, digest)
  ) STRICT, WITHOUT ROWID;
`;

/** Migrations, each from the previous version; a new database gets all of them. */
const versions = [firstVersion, secondVersion, thirdVersion, fourthVersion, fifthVersion];

/**
 * Opens or creates the database at `path` and migrates it. @throws {DataError} if it is not a readable, writable
 * store.
 */
export function openDatabase(path: string): DatabaseSync {
  try {
    // Rebuilding a table that other tables reference requires foreign-key checks to be off
    // (sqlite.org/lang_altertable.html).
    const database = new DatabaseSync(path, { enableForeignKeyConstraints: false });
    database.exec('PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    inTransaction(database, () => bringUpToDate(database, path));
    database.exec('PRAGMA foreign_keys = ON');
    return database;
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    const why = messageOf(cause);
    throw new DataError(
      `${path}: expected a pass-rate store that can be read and written, got "${why}". ` +
        'Give the path of such a store or of a file that does not exist yet.',
      { cause, tryNext: `ls -l ${path}` },
    );
  }
}

/**
 * Opens the database at `path` read-only, even on a read-only disk. A store of an older version is migrated first,
 * which needs write access. Throws as `openDatabase` does.
 */
export function openDatabaseReadOnly(path: string): DatabaseSync {
  if (!existsSync(path)) {
    throw new DataError(`${path}: expected a pass-rate store, found nothing there`, {
      tryNext: 'gradus difficulty estimate <recipe>',
    });
  }
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: 10_000 });
    if (versionOf(database) === versions.length) return database;
  } catch {
    // Opening it for writing, below, reports the error or migrates the store.
  }
  database?.close();
  return openDatabase(path);
}

const versionOf = (database: DatabaseSync): number =>
  Number(database.prepare('PRAGMA user_version').get()?.['user_version']);

function bringUpToDate(database: DatabaseSync, path: string): void {
  const version = versionOf(database);
  const isForeign = version === 0 && database.prepare('SELECT name FROM sqlite_master').all().length > 0;
  if (isForeign || version > versions.length) {
    throw new DataError(
      `${path}: expected a pass-rate store of version ${versions.length} or older, got ` +
        `${isForeign ? 'another kind of database' : `version ${version}`}; use another file or another version of Gradus.`,
      { tryNext: 'gradus doctor' },
    );
  }
  for (const change of versions.slice(version)) database.exec(change);
  if (version < versions.length) database.exec(`PRAGMA user_version = ${versions.length}`);
}
