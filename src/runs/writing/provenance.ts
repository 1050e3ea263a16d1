import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** Version of the running code, needed to reproduce a run. */
export interface Provenance {
  readonly packageVersion: string;
  /** Commit checked out in the user's folder; `null` outside a repository. */
  readonly gitCommit: string | null;
}

/** Determines the version of the running code without starting a process. */
export async function readProvenance(folder: string): Promise<Provenance> {
  const manifest = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return { packageVersion: manifest.version, gitCommit: await readGitCommit(folder) };
}

/** Reads the commit of `HEAD` in the repository around `folder`, or `null`. */
export async function readGitCommit(folder: string): Promise<string | null> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const commit = await commitOf(join(at, '.git'));
    if (commit !== null || at === dirname(at)) return commit;
  }
}

async function commitOf(gitPath: string): Promise<string | null> {
  // In a worktree or submodule, `.git` is a file that contains the path of the folder.
  const pointer = /^gitdir: (.+)$/m.exec((await readOrNull(gitPath)) ?? '')?.[1];
  const git = pointer === undefined ? gitPath : resolve(dirname(gitPath), pointer);
  const head = (await readOrNull(join(git, 'HEAD')))?.trim();
  if (head === undefined) return null;
  const reference = /^ref: (.+)$/.exec(head)?.[1];
  if (reference === undefined) return head;
  const shared = resolve(git, (await readOrNull(join(git, 'commondir')))?.trim() ?? '.');
  const loose = await readOrNull(join(shared, reference));
  if (loose !== null) return loose.trim();
  const packed = (await readOrNull(join(shared, 'packed-refs'))) ?? '';
  return (
    packed
      .split('\n')
      .find((line) => line.endsWith(` ${reference}`))
      ?.split(' ')[0] ?? null
  );
}

async function readOrNull(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null);
}
