import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { StorageError } from '../core/errors.ts';

/** The meaning of each system error code for the user, and the stable code of the `StorageError`. */
const meanings: Readonly<Record<string, readonly [meaning: string, code: string]>> = {
  ENOENT: ['no such file or folder', 'NOT_WRITABLE'],
  ENOTDIR: ['part of this path is a file; expected a folder', 'NOT_WRITABLE'],
  EISDIR: ['this is a folder; expected a file', 'NOT_WRITABLE'],
  EEXIST: ['the path already exists', 'NOT_WRITABLE'],
  ENOTEMPTY: ['the folder is not empty', 'NOT_WRITABLE'],
  ENAMETOOLONG: ['the name is too long for the file system', 'NOT_WRITABLE'],
  EACCES: ['permission denied; choose another folder', 'NOT_WRITABLE'],
  EPERM: ['permission denied; choose another folder', 'NOT_WRITABLE'],
  EROFS: ['the file system is read-only; choose another folder', 'NOT_WRITABLE'],
  ENOSPC: ['the disk is full; free some space', 'DISK_FULL'],
  EDQUOT: ['the disk quota is exhausted; free some space', 'DISK_FULL'],
};

/**
 * Returns the `StorageError` for a file system error, such as a mistyped `--out` or a full disk. Returns any
 * other error unchanged.
 *
 * @param place path to name in the message; default: the path in the system error.
 */
export function explainSystemError(error: unknown, place?: string): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  const { code = '', path, dest } = error as NodeJS.ErrnoException & { readonly dest?: string };
  const meaning = meanings[code];
  if (meaning === undefined) return error;
  const shown = place ?? dest ?? path;
  return new StorageError(`${shown === undefined ? '' : `${shown}: `}${meaning[0]} (${error.message})`, {
    code: meaning[1],
    cause: error,
    tryNext: nextStep(code, shown === undefined ? '.' : dirname(shown)),
  });
}

function nextStep(code: string, folder: string): string {
  if (code === 'ENOSPC' || code === 'EDQUOT') return `df -h ${folder}`;
  return code === 'ENOENT' && !existsSync(folder) ? `mkdir -p ${folder}` : `ls -ld ${folder}`;
}
