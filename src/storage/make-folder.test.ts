import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeFolder } from './make-folder.ts';

const root = mkdtempSync(join(tmpdir(), 'gradus-folder-'));
afterAll(() => rmSync(root, { recursive: true }));

test('creates missing parents and accepts an existing folder', async () => {
  const path = join(root, 'a', 'b', 'c');
  await makeFolder(path);
  await makeFolder(path);
  expect(statSync(path).isDirectory()).toBe(true);
});

test('rejects a path that is a file or passes through one', async () => {
  const file = join(root, 'file');
  writeFileSync(file, '');
  await expect(makeFolder(file)).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolder(join(file, 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

test.skipIf(!existsSync('/proc/self'))(
  'fails, instead of looping, on a file system that accepts no new folders',
  async () => {
    for (const path of ['/proc/gradus', '/proc/gradus/runs/deep'])
      await expect(makeFolder(path)).rejects.toMatchObject({
        code: 'EACCES',
        message: expect.stringContaining('accepts no new folders'),
      });
  },
);
