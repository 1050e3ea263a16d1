import { DatabaseSync } from 'node:sqlite';

/**
 * A lock that only one process can hold at a time. Node has no `flock`, but SQLite locks files: an open exclusive
 * transaction on an empty database is a kernel lock, which the kernel releases when its process ends for any reason.
 * Locks are therefore never stale, no process ids are compared, and locking works across containers that share the
 * disk.
 *
 * Do not open or copy the lock file in the process that holds the lock: POSIX drops a process's locks on a file as soon
 * as that process closes any descriptor of it.
 */
export interface FileLock extends Disposable {}

/**
 * Takes the lock, or returns `undefined` if another process (or this one) holds it.
 * @param path an empty file that is used for nothing else; it is created if it does not exist.
 * @param patienceMs milliseconds to wait, blocking the thread, while another process is reading the file in `isLocked`.
 */
export function takeLock(path: string, patienceMs = 500): FileLock | undefined {
  const database = new DatabaseSync(path, { timeout: patienceMs });
  try {
    // Keep the journal in memory, so that no empty journal file is created beside the lock.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  return { [Symbol.dispose]: () => database.close() };
}

/** Returns whether a process holds the lock; false if the file does not exist. */
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
