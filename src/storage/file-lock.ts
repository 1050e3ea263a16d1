import { DatabaseSync } from 'node:sqlite';

/**
 * One process at a time. Node has no `flock`, but SQLite has: an open exclusive transaction on an empty database is a
 * lock of the kernel, which is gone the moment its process is, however that ended. So there are no stale locks, no
 * process ids to compare, and it works across containers that share the disk.
 *
 * Do not open or copy the lock file from within the process that holds it: POSIX drops a process's locks on a file
 * as soon as that process closes any descriptor of it.
 */
export interface FileLock extends Disposable {}

/**
 * Takes the lock, or returns `undefined` when another process (or this one) holds it.
 * @param path of an empty file of its own; made where there is none.
 * @param patienceMs how long to wait for a reader's momentary look at the lock; nothing else happens meanwhile.
 */
export function takeLock(path: string, patienceMs = 500): FileLock | undefined {
  const database = new DatabaseSync(path, { timeout: patienceMs });
  try {
    // Without this, taking the lock would leave an empty journal file behind.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  return { [Symbol.dispose]: () => database.close() };
}

/** Whether some process holds the lock right now. Where nobody ever took it there is no file. */
export function isLocked(path: string): boolean {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true });
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    return false;
  } catch (error) {
    return isBusy(error);
  } finally {
    database?.close();
  }
}

function isBusy(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errcode' in error && error.errcode === 5;
}
