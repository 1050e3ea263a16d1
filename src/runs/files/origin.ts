import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { runLayout } from './layout.ts';

/*
 * Proof that a run was created by this user on this machine: `run.origin` contains an HMAC of the run's id and recipe
 * hash, made with a key that never leaves the user's state folder. A run from elsewhere cannot contain a valid one.
 */

/** Computes the proof of a run; undefined if no key can be stored (no home folder, read-only state folder). */
export async function originOf(id: string, recipeHash: string): Promise<string | undefined> {
  const key = await readKey(true);
  return key && proofOf(key, id, recipeHash);
}

/** Returns whether this user created the run in `directory` on this machine. */
export async function isFromHere(directory: string, id: string, recipeHash: string): Promise<boolean> {
  const found = await readFile(runLayout(directory).origin, 'utf8').catch(() => '');
  const key = await readKey(false);
  if (key === undefined) return false;
  const [given, expected] = [Buffer.from(found.trim()), Buffer.from(proofOf(key, id, recipeHash))];
  return given.length === expected.length && timingSafeEqual(given, expected);
}

const proofOf = (key: Buffer, id: string, recipeHash: string): string =>
  createHmac('sha256', key)
    .update(JSON.stringify([id, recipeHash]))
    .digest('hex');

/** Resolves to GRADUS_STATE_DIR, else `gradus` below XDG_STATE_HOME or ~/.local/state. */
function stateFolder(): string {
  const { GRADUS_STATE_DIR: own, XDG_STATE_HOME: shared } = process.env;
  return own ?? join(shared ?? join(homedir(), '.local', 'state'), 'gradus');
}

const keyBytes = 32;

/** Reads the user's key; undefined if it is missing or unreadable. @param create creates a missing key first. */
async function readKey(create: boolean): Promise<Buffer | undefined> {
  const path = join(stateFolder(), 'origin.key');
  const read = async (): Promise<Buffer | undefined> => {
    const key = await readFile(path).catch(() => undefined);
    return key?.length === keyBytes ? key : undefined;
  };
  const known = await read();
  if (known !== undefined || !create) return known;
  try {
    await mkdir(stateFolder(), { recursive: true, mode: 0o700 });
    // Create the file exclusively: if two processes start together, one writes the key and both use it.
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(randomBytes(keyBytes));
    } finally {
      await file.close();
    }
  } catch {
    // Another process created the key first, or the folder is not writable; the next read shows which.
  }
  return read();
}
