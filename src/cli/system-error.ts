import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { RunError } from '../core/errors.ts';

/** What a refusal of the file system means for whoever named the file, and the code that scripts know it by. */
const refusals: Readonly<Record<string, readonly [says: string, code: string]>> = {
  ENOENT: ['there is no such file or folder', 'RUN_NOT_WRITABLE'],
  ENOTDIR: ['a part of this path is a file, where a folder is needed', 'RUN_NOT_WRITABLE'],
  EISDIR: ['this is a folder, where a file is needed', 'RUN_NOT_WRITABLE'],
  EEXIST: ['something else is there already', 'RUN_NOT_WRITABLE'],
  ENAMETOOLONG: ['the name is too long for the file system', 'RUN_NOT_WRITABLE'],
  EACCES: ['this user may not use it; choose another place', 'RUN_NOT_WRITABLE'],
  EPERM: ['this user may not use it; choose another place', 'RUN_NOT_WRITABLE'],
  EROFS: ['the file system is read-only; choose another place', 'RUN_NOT_WRITABLE'],
  ENOSPC: ['the disk is full; free some space', 'RUN_DISK_FULL'],
  EDQUOT: ['the quota of this user is used up; free some space', 'RUN_DISK_FULL'],
};

/**
 * The `RunError` for a refusal of the file system that nobody else has explained: a mistyped `--out` or a full disk is
 * no bug. Anything else comes back unchanged.
 */
export function explainSystemError(error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  const { code = '', path, dest } = error as NodeJS.ErrnoException & { readonly dest?: string };
  const refusal = refusals[code];
  if (refusal === undefined) return error;
  const place = dest ?? path;
  const [says, kind] = refusal;
  return new RunError(`${place === undefined ? '' : `${place}: `}${says} (${error.message})`, {
    code: kind,
    cause: error,
    tryNext: nextStep(code, place === undefined ? '.' : dirname(place)),
  });
}

function nextStep(code: string, folder: string): string {
  if (code === 'ENOSPC' || code === 'EDQUOT') return `df -h ${folder}`;
  return code === 'ENOENT' && !existsSync(folder) ? `mkdir -p ${folder}` : `ls -ld ${folder}`;
}
