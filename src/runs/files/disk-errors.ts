import { GradusError, RunError, StorageError } from '../../core/errors.ts';

/** What of a run was touched when something failed, for the message. */
export interface DiskContext {
  /** The run's directory. */
  readonly directory: string;
  /** What was being done: `saving the checkpoint of step 120`. */
  readonly doing: string;
}

/** SQLite's primary result codes (https://sqlite.org/rescode.html) by the system error they amount to. */
const sqliteCodes: Readonly<Record<number, string>> = {
  5: 'EBUSY',
  8: 'EROFS',
  10: 'EIO',
  11: 'CORRUPT',
  13: 'ENOSPC',
  14: 'EACCES',
  26: 'CORRUPT',
};

/** Runs `action` and turns the disk's refusals into one `RunError`; all other errors pass through. */
export async function onDisk<T>(context: DiskContext, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw explainDiskError(error, context);
  }
}

/** The `RunError` for a file system or SQLite error; anything else comes back unchanged. */
export function explainDiskError(thrown: unknown, { directory, doing }: DiskContext): unknown {
  const error = thrown instanceof StorageError ? thrown.cause : thrown;
  if (GradusError.isInstance(error)) return error;
  const cause = error instanceof Error ? error.message : String(error);
  const fail = (code: string, message: string, tryNext: string): RunError =>
    new RunError(`${doing}: ${message} (${cause})`, { code, cause: error, tryNext });
  switch (systemCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return fail(
        'RUN_DISK_FULL',
        `no space left for ${directory}. Nothing recorded before was lost; free some space and resume`,
        `gradus resume ${directory}`,
      );
    case 'EEXIST':
    case 'ENOTDIR':
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return fail(
        'RUN_NOT_WRITABLE',
        `${directory} cannot be written or opened. Give this user write access or choose another place`,
        `ls -ld ${directory}`,
      );
    case 'EBUSY':
      return fail(
        'RUN_BUSY',
        `another process holds the database of ${directory} for too long`,
        `gradus runs show ${directory}`,
      );
    case 'CORRUPT':
      return fail(
        'RUN_CORRUPT',
        `the database of ${directory} is damaged. Restore run.sqlite from a copy or start a new run`,
        'gradus runs list',
      );
    case 'EIO':
      return fail('RUN_DISK_FAILED', `the disk under ${directory} failed`, `gradus resume ${directory}`);
    default:
      return error;
  }
}

function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  // Extended SQLite codes carry the primary one in their low byte.
  if ('errcode' in error && typeof error.errcode === 'number') return sqliteCodes[error.errcode & 0xff];
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
