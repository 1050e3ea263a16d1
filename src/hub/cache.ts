import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { takeLock } from '../storage/file-lock.ts';

/*
 *   <cache>/hub/
 *     blobs/sha256-<hex>                        a file's content, under its own hash
 *     blobs/git-<hex>                           the same for files that git itself holds
 *     blobs/<hash>.partial                      what a download that ended early had received
 *     datasets--openai--gsm8k/refs/main         the commit that a branch or tag last was
 *     datasets--openai--gsm8k/<commit>.json     the files of a commit, with sizes and hashes
 *     datasets--openai--gsm8k/<commit>/…        the commit's files by name: links to blobs
 *     locks/…                                   held while a process writes one of these
 */

/** Gradus's folder for what can be fetched again: `GRADUS_CACHE`, else `gradus` in the user's cache folder. */
export function cacheFolder(environment: NodeJS.ProcessEnv): string {
  const { GRADUS_CACHE: own, XDG_CACHE_HOME: xdg } = environment;
  return own || join(xdg || join(homedir(), '.cache'), 'gradus');
}

/** Writes a small file so that others see all of it or nothing. */
export async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = draftOf(path);
  try {
    await writeFile(draft, text);
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}

/** What a file holds; `undefined` where there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Gives a blob a name, in place of whatever had it. */
export async function linkTo(blob: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = draftOf(path);
  await symlink(relative(dirname(path), blob), draft);
  await rename(draft, path);
}

let drafts = 0;
/** A name that nobody else writes under. */
const draftOf = (path: string): string => `${path}.${process.pid}-${drafts++}.tmp`;

/** Between two looks at a lock that another process holds, in milliseconds. */
const lookAgainMs = 200;

/**
 * Runs `action` while no other process runs one under the same name; waits as long as the other takes, since it is
 * fetching the very same bytes. Within one process the second caller waits for the first.
 */
export async function alone<T>(folder: string, name: string, action: () => Promise<T>): Promise<T> {
  const locks = join(folder, 'locks');
  mkdirSync(locks, { recursive: true });
  const path = join(locks, createHash('sha256').update(name).digest('hex').slice(0, 32));
  const before = inProcess.get(path) ?? Promise.resolve();
  const turn = before.then(async () => {
    let lock = takeLock(path, 0);
    for (; lock === undefined; lock = takeLock(path, 0)) await sleep(lookAgainMs);
    try {
      return await action();
    } finally {
      lock[Symbol.dispose]();
    }
  });
  inProcess.set(
    path,
    turn.catch(() => undefined),
  );
  return turn;
}

/** The kernel's lock is a process's: its own turns are kept here. */
const inProcess = new Map<string, Promise<unknown>>();
