import { DatabaseSync } from 'node:sqlite';
import { RunError } from '../../core/errors.ts';
import { inTransaction } from '../../storage/sqlite.ts';

/** Version of the tables below; increases with every change. */
const schemaVersion = 2;

/** Tables added in version 2; runs of version 1 lack them. */
const newTables = `
  CREATE TABLE rollouts (             -- columns to filter and sort by; the text is in the shard
    group_id INTEGER NOT NULL,
    place INTEGER NOT NULL,           -- index in its group, from 0
    outcome TEXT NOT NULL,
    score REAL NOT NULL,
    reward REAL,
    advantage REAL,
    tokens INTEGER NOT NULL,          -- tokens written
    finish_reason TEXT NOT NULL,
    reason TEXT NOT NULL,             -- start of the verdict's reason
    flags TEXT,                       -- JSON: reasons to review it, one sentence each
    PRIMARY KEY (group_id, place)
  ) WITHOUT ROWID;
  CREATE TABLE selections (           -- candidates of a stage, with the event of its start
    event_id INTEGER NOT NULL,
    problem_id TEXT NOT NULL,
    domain TEXT NOT NULL,
    levels TEXT NOT NULL,             -- JSON: names
    correct REAL NOT NULL,
    trials REAL NOT NULL,
    is_selected INTEGER NOT NULL,
    PRIMARY KEY (event_id, problem_id)
  ) WITHOUT ROWID;
  CREATE INDEX selections_by_problem ON selections (problem_id);
`;

/** Indexes added in version 2, for viewers that search hundreds of thousands of rows. */
const viewIndexes = `
  CREATE INDEX groups_by_stage ON groups (stage, purpose, level);
  CREATE INDEX groups_by_family ON groups (domain, family, knob, problem_id);
  CREATE INDEX rollouts_by_outcome ON rollouts (outcome, finish_reason);
  CREATE INDEX rollouts_with_flags ON rollouts (group_id, place) WHERE flags IS NOT NULL;
`;

/**
 * Columns determined by recipe and seed have the same values after a resume. Values that depend on the clock or the
 * machine are in `sessions`, in columns named `*_at`, and in metrics with `is_timing`.
 */
const tables = `
  CREATE TABLE run (
    id TEXT NOT NULL,                 -- permanent id, used in the lineage of other runs
    name TEXT NOT NULL,
    recipe_hash TEXT NOT NULL,
    seed INTEGER NOT NULL,
    parent TEXT,                      -- JSON RunParent: the run and step this one started from
    status TEXT NOT NULL,             -- running | finished | failed | interrupted
    reason TEXT,
    created_at TEXT NOT NULL,
    ended_at TEXT
  );
  CREATE TABLE sessions (             -- one row per process that ever wrote to the run
    id INTEGER PRIMARY KEY,
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    platform TEXT NOT NULL,
    package_version TEXT NOT NULL,
    git_commit TEXT,
    engine TEXT,                      -- JSON
    resumed_step INTEGER NOT NULL,
    skipped TEXT NOT NULL,            -- JSON: skipped damaged checkpoints, one sentence each
    started_at TEXT NOT NULL,
    ended_at TEXT
  );
  CREATE TABLE steps (
    step INTEGER PRIMARY KEY,         -- 1-based
    stage TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    decision TEXT                     -- decision of the stage's exit rule after it
  );
  CREATE TABLE metric_names (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    is_timing INTEGER NOT NULL
  );
  CREATE TABLE metrics (              -- clustered so that one metric's series is one range
    name_id INTEGER NOT NULL,
    step INTEGER NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (name_id, step)
  ) WITHOUT ROWID;
  CREATE TABLE shards (               -- one Parquet file in rollouts/
    id INTEGER PRIMARY KEY,
    file TEXT NOT NULL UNIQUE,
    step INTEGER NOT NULL,
    purpose TEXT NOT NULL,            -- train | measure | evaluate
    rollouts INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  );
  CREATE TABLE groups (               -- one problem's rollouts: pass-rate observation and position in a shard
    id INTEGER PRIMARY KEY,
    shard_id INTEGER NOT NULL,
    first_row INTEGER NOT NULL,
    step INTEGER NOT NULL,
    stage TEXT NOT NULL,
    purpose TEXT NOT NULL,
    problem_id TEXT NOT NULL,
    domain TEXT NOT NULL,
    family TEXT,
    knob INTEGER,
    level TEXT,
    policy_version INTEGER NOT NULL,
    rollouts INTEGER NOT NULL,
    trials INTEGER NOT NULL,          -- rollouts with a verdict
    correct INTEGER NOT NULL,
    mean_score REAL,                  -- over trials
    mean_reward REAL,
    mean_tokens REAL NOT NULL
  );
  CREATE INDEX groups_by_step ON groups (step);
  CREATE INDEX groups_by_problem ON groups (problem_id);
  CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    step INTEGER NOT NULL,
    stage TEXT,
    type TEXT NOT NULL,
    message TEXT NOT NULL,
    data TEXT,                        -- JSON
    recorded_at TEXT NOT NULL
  );
  CREATE TABLE evaluations (
    id INTEGER PRIMARY KEY,
    step INTEGER NOT NULL,
    name TEXT NOT NULL,
    result TEXT NOT NULL,             -- JSON
    recorded_at TEXT NOT NULL
  );
  CREATE TABLE checkpoints (
    id INTEGER PRIMARY KEY,
    folder TEXT NOT NULL UNIQUE,
    step INTEGER NOT NULL,
    is_stage_end INTEGER NOT NULL,
    score REAL,
    files TEXT NOT NULL,              -- JSON FileSizes, to detect truncated or missing files
    marks TEXT NOT NULL,              -- JSON Marks: the last row of each table that belongs to it
    recorded_at TEXT NOT NULL
  );
  ${newTables}
  ${viewIndexes}
`;

/** Creates the tables of a new run. The file must not exist. */
export function createDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec(
    `PRAGMA synchronous = FULL; BEGIN; ${tables}; PRAGMA user_version = ${schemaVersion}; COMMIT`,
  );
  return database;
}

/**
 * Opens a run's database for writing: in WAL mode, so that readers never wait, and with durable commits. Upgrades older
 * versions.
 */
export function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5000 });
  return opened(database, path, (version) => {
    database.exec('PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL');
    if (version === 1) inTransaction(database, () => database.exec(migration));
  });
}

const migration = `
  ALTER TABLE steps ADD COLUMN decision TEXT;
  ${newTables}
  ${viewIndexes}
  PRAGMA user_version = ${schemaVersion};
`;

/**
 * Opens a run's database read-only, even while another process is writing. Adds empty tables that an older version
 * lacks.
 */
export function openDatabaseReadOnly(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
  return opened(database, path, (version) => {
    if (version === 1) database.exec(readOlder);
    database.exec('PRAGMA query_only = ON');
  });
}

/**
 * Stand-ins for tables that an older version lacks: temporary tables exist only in memory, and SQLite resolves names to
 * them first.
 */
const readOlder = `
  PRAGMA temp_store = MEMORY;
  CREATE TEMP VIEW steps AS SELECT step, stage, recorded_at, NULL AS decision FROM main.steps;
  ${newTables.replaceAll('CREATE TABLE', 'CREATE TEMP TABLE').replace('INDEX ', 'INDEX temp.')}
`;

function opened(database: DatabaseSync, path: string, prepare: (version: number) => void): DatabaseSync {
  try {
    const found = database.prepare('PRAGMA user_version').get()?.['user_version'];
    if (found !== 1 && found !== schemaVersion) {
      throw new RunError(
        `${path}: expected a run of version 1 or ${schemaVersion}, got version ${String(found)}; ${found === 0 ? 'it is empty, or not a run' : 'it was written by another version of gradus'}`,
        { code: 'RUN_VERSION', tryNext: 'gradus --version' },
      );
    }
    prepare(found);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
