import type { DatabaseSync } from 'node:sqlite';

/**
 * Runs `action` in one transaction, so that all of its writes are committed or none. `IMMEDIATE` takes the write lock
 * first, so that concurrent processes queue instead of failing.
 */
export function inTransaction<T>(database: DatabaseSync, action: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = action();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // SQLite rolls back by itself after some errors, such as a full disk.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** Closes the database so that all content is in one file, which can be copied and read from a read-only disk. */
export function closeInOneFile(database: DatabaseSync): void {
  // The first statement fails while another process has the database open; the second still moves the log into the
  // file. Both fail without write access.
  for (const attempt of [
    'PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE',
    'PRAGMA wal_checkpoint(PASSIVE)',
  ]) {
    try {
      database.exec(attempt);
      break;
    } catch {
      // Ignore the failure: the next close tries again.
    }
  }
  database.close();
}
