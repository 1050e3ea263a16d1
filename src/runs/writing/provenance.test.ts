import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readGitCommit, readProvenance } from './provenance.ts';

const commit = 'a'.repeat(40);

async function inFolder(check: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gradus-provenance-'));
  try {
    await check(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text);
}

test('finds the commit of a loose, packed or detached head from a subfolder', async () => {
  await inFolder(async (folder) => {
    const below = join(folder, 'a', 'b');
    await write(join(folder, '.git', 'HEAD'), 'ref: refs/heads/main\n');
    expect(await readGitCommit(below)).toBe(null);
    await write(join(folder, '.git', 'packed-refs'), `# pack-refs\n${commit} refs/heads/main\n`);
    expect(await readGitCommit(below)).toBe(commit);
    await write(join(folder, '.git', 'refs', 'heads', 'main'), `${'b'.repeat(40)}\n`);
    expect(await readGitCommit(below)).toBe('b'.repeat(40));
    await write(join(folder, '.git', 'HEAD'), `${'c'.repeat(40)}\n`);
    expect(await readGitCommit(below)).toBe('c'.repeat(40));
  });
});

test('follows a worktree to its main repository', async () => {
  await inFolder(async (folder) => {
    const shared = join(folder, 'repo', '.git');
    await write(join(shared, 'refs', 'heads', 'topic'), commit);
    await write(join(shared, 'worktrees', 'w', 'HEAD'), 'ref: refs/heads/topic\n');
    await write(join(shared, 'worktrees', 'w', 'commondir'), '../..\n');
    await write(join(folder, 'w', '.git'), `gitdir: ${join(shared, 'worktrees', 'w')}\n`);
    expect(await readGitCommit(join(folder, 'w'))).toBe(commit);
  });
});

test('returns the package version', async () => {
  expect((await readProvenance('/')).packageVersion).toMatch(/^\d+\.\d+\.\d+/);
});
