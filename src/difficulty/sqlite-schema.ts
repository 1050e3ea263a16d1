import { DatabaseSync } from 'node:sqlite';
import { DataError } from '../core/errors.ts';

const schemaVersion = 1;

/**
 * `conditions` numbers each distinct set of conditions, `problems` each problem id; `observations` has one row per
 * judged attempt, in key order on disk (WITHOUT ROWID), so that reading one set of conditions is one scan. Triggers
 * make history append-only.
 */
const schema = `
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
  PRAGMA user_version = ${schemaVersion};
`;

/** The database at `path`, with its tables; made where there is none. Throws a `DataError` saying what is wrong with it. */
export function openDatabase(path: string): DatabaseSync {
  try {
    const database = new DatabaseSync(path);
    database.exec('PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    inTransaction(database, () => createSchema(database, path));
    return database;
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DataError(
      `${path}: expected a pass-rate store that can be read and written, got "${why}". ` +
        'Give the path of such a store or of a file that does not exist yet.',
      { cause, tryNext: `ls -l ${path}` },
    );
  }
}

function createSchema(database: DatabaseSync, path: string): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version === schemaVersion) return;
  const tables = database.prepare('SELECT name FROM sqlite_master').all();
  if (version === 0 && tables.length === 0) {
    database.exec(schema);
    return;
  }
  throw new DataError(
    `${path}: expected a pass-rate store of version ${schemaVersion}, got ` +
      `${version === 0 ? 'a database of something else' : `version ${version}`}; use another file or another Gradus.`,
    { tryNext: 'gradus doctor' },
  );
}

/** All or nothing, and alone: `IMMEDIATE` takes the write lock first, so that processes queue instead of colliding. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
