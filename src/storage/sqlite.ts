import type { DatabaseSync } from 'node:sqlite';

/**
 * Runs `action` in one transaction, alone: all of it is recorded, or nothing. `IMMEDIATE` takes the write lock first, so
 * that processes queue instead of colliding.
 */
export function inTransaction<T>(database: DatabaseSync, action: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = action();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // SQLite has rolled back by itself after some errors, a full disk among them.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** Closes with everything in one file, so that it can be copied, and read from a read-only disk. */
export function closeInOneFile(database: DatabaseSync): void {
  // Someone else may have it open and keep the log beside it: what is in the log goes into the file all the same. Who may
  // only read can do neither.
  for (const attempt of [
    'PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE',
    'PRAGMA wal_checkpoint(PASSIVE)',
  ]) {
    try {
      database.exec(attempt);
      break;
    } catch {
      // The next close does it.
    }
  }
  database.close();
}
