import { stat } from 'node:fs/promises';
import { runLayout } from '../files/layout.ts';

/**
 * A text that changes whenever something was recorded in a run, at the cost of asking the disk for two files' times:
 * nothing is opened, so a writer is never in anyone's way. `''`: there is no run.
 */
export async function runFingerprint(directory: string): Promise<string> {
  const { database } = runLayout(directory);
  const prints = await Promise.all([database, `${database}-wal`].map(printOf));
  return prints[0] === '' ? '' : prints.join(' ');
}

async function printOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? '' : `${found.ino}:${found.size}:${found.mtimeNs}`;
}
