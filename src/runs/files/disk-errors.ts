import { GradusError, messageOf, RunError, StorageError } from '../../core/errors.ts';

/** Context of a disk operation, for the error message. */
export interface DiskContext {
  /** The run's directory. */
  readonly directory: string;
  /** The operation: `saving the checkpoint of step 120`. */
  readonly doing: string;
}

/** System error that matches each primary result code of SQLite (https://sqlite.org/rescode.html). */
const sqliteCodes: Readonly<Record<number, string>> = {
  5: 'EBUSY',
  8: 'EROFS',
  10: 'EIO',
  11: 'CORRUPT',
  13: 'ENOSPC',
  14: 'EACCES',
  26: 'CORRUPT',
};

/** Runs `action` and converts disk errors to `RunError`; all other errors pass through. */
export async function onDisk<T>(context: DiskContext, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw explainDiskError(error, context);
  }
}

/** Converts a file system or SQLite error to a `RunError`; returns anything else unchanged. */
export function explainDiskError(thrown: unknown, { directory, doing }: DiskContext): unknown {
  const error = thrown instanceof StorageError ? thrown.cause : thrown;
  if (GradusError.isInstance(error)) return error;
  const cause = messageOf(error);
  const fail = (code: string, message: string, tryNext: string): RunError =>
    new RunError(`${doing}: ${message} (${cause})`, { code, cause: error, tryNext });
  switch (systemCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return fail(
        'RUN_DISK_FULL',
        `no space left for ${directory}. Nothing recorded earlier was lost; free some space and resume`,
        `gradus resume ${directory}`,
      );
    case 'EEXIST':
    case 'ENOTDIR':
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return fail(
        'RUN_NOT_WRITABLE',
        `${directory} is not writable. Give this user write access or choose another place`,
        `ls -ld ${directory}`,
      );
    case 'EBUSY':
      return fail(
        'RUN_BUSY',
        `another process keeps the database of ${directory} locked for too long`,
        `gradus runs show ${directory}`,
      );
    case 'CORRUPT':
      return fail(
        'RUN_CORRUPT',
        `the database of ${directory} is damaged. Restore run.sqlite from a copy or start a new run`,
        'gradus runs list',
      );
    case 'EIO':
      return fail('RUN_DISK_FAILED', `I/O error on the disk of ${directory}`, `gradus resume ${directory}`);
    default:
      return error;
  }
}

function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  // Extended SQLite codes contain the primary one in their low byte.
  if ('errcode' in error && typeof error.errcode === 'number') return sqliteCodes[error.errcode & 0xff];
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
