import { stat } from 'node:fs/promises';
import { runLayout } from '../files/layout.ts';

/**
 * Returns a string that changes whenever a run records something or is annotated; `''` if the run does not exist. Reads
 * only the modification times of three files and opens none, so it never blocks a writer.
 */
export async function runFingerprint(directory: string): Promise<string> {
  const { database, annotations } = runLayout(directory);
  const prints = await Promise.all([database, `${database}-wal`, annotations].map(printOf));
  return prints[0] === '' ? '' : prints.join(' ');
}

async function printOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? '' : `${found.ino}:${found.size}:${found.mtimeNs}`;
}
