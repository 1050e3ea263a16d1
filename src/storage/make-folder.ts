import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Creates a folder and its missing parents. Fails if the file system accepts no new folders, as below /proc, where
 * Node's recursive `mkdir` loops forever.
 *
 * @throws the system error if a folder cannot be created.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await isFolder(path))) return;
    if (code !== 'ENOENT') throw error;
    if (await isFolder(dirname(path))) throw refused(path, error as NodeJS.ErrnoException);
    await makeFolder(dirname(path));
    await makeFolder(path);
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/**
 * Returns the error with a different message: the parent exists, so the system's "no such file or directory" would be
 * misleading.
 */
const refused = (path: string, { syscall, message }: NodeJS.ErrnoException): NodeJS.ErrnoException =>
  Object.assign(new Error(`this file system accepts no new folders; ${message}`), {
    code: 'EACCES',
    syscall,
    path,
  });
