import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  draftOf,
  isWrittenInPlace,
  publishDraft,
  sweep,
  writeAtomic,
  writeFileAtomic,
  writeFileAtomicSync,
  writeFolderAtomic,
} from './atomic.ts';

/** Called before every operation that changes the disk; it simulates a kill by throwing. */
let beforeOperation = (_name: string): void => {};

vi.mock(import('node:fs/promises'), async (importOriginal) => {
  const original = await importOriginal();
  const watched = { ...original };
  for (const name of ['rename', 'rm', 'mkdir', 'open'] as const) {
    const call = original[name] as (...values: unknown[]) => unknown;
    Object.assign(watched, {
      [name]: async (...values: unknown[]) => {
        beforeOperation(name);
        return call(...values);
      },
    });
  }
  return watched;
});

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'gradus-atomic-'))));
afterEach(() => {
  beforeOperation = () => {};
  rmSync(folder, { recursive: true });
});

/** Returns, for each disk operation in a call, the state in which a kill before that operation would leave the disk. */
async function atEveryOperation<T>(call: () => Promise<unknown>, look: () => T): Promise<T[]> {
  const seen: T[] = [];
  beforeOperation = () => void seen.push(look());
  await call();
  beforeOperation = () => {};
  return [...seen, look()];
}

const contentOf = (path: string): string | undefined =>
  existsSync(path) ? readFileSync(path, 'utf8') : undefined;

test.each([undefined, 'old'])(
  'a kill before any operation leaves the complete old file (%s) or the complete new one',
  async (old) => {
    const path = join(folder, 'file');
    if (old !== undefined) writeFileSync(path, old);
    const seen = await atEveryOperation(
      () =>
        writeAtomic(path, async (file) => {
          await file.write('ne');
          expect(contentOf(path)).toBe(old);
          await file.write('w');
        }),
      () => contentOf(path),
    );
    expect(new Set(seen)).toEqual(new Set([old, 'new']));
    expect(readdirSync(folder)).toEqual(['file']);
  },
);

test('a kill between the two renames of a replaced folder keeps the old one under its draft name', async () => {
  const path = join(folder, 'model');
  const write = (text: string): Promise<unknown> =>
    writeFolderAtomic(path, async (draft) => writeFileSync(join(draft, 'weights'), text));
  await write('old');
  const seen = await atEveryOperation(
    () => write('new'),
    () => contentOf(join(path, 'weights')) ?? contentOf(join(draftOf(`${path}-old`), 'weights')),
  );
  expect(new Set(seen)).toEqual(new Set(['old', 'new']));
  expect(readdirSync(folder)).toEqual(['model']);
});

const writeModel = (text: string): Promise<unknown> =>
  writeFolderAtomic(join(folder, 'model'), async (draft) => writeFileSync(join(draft, 'weights'), text));
const weights = (): string | undefined => contentOf(join(folder, 'model', 'weights'));
const leaveOld = (text: string): void => {
  mkdirSync(join(folder, '.tmp-model-old'));
  writeFileSync(join(folder, '.tmp-model-old', 'weights'), text);
};

test.each([1, 2])('keeps the old folder in place if rename %i of its replacement fails', async (nth) => {
  await writeModel('old');
  let renames = 0;
  beforeOperation = (name) => {
    if (name === 'rename' && ++renames === nth) throw new Error('no rename');
  };
  await expect(writeModel('new')).rejects.toThrow('no rename');
  expect(weights()).toBe('old');
  expect(readdirSync(folder)).toEqual(['model']);
});

test('a failed write restores an old folder that a kill left under its draft name', async () => {
  leaveOld('old');
  const stop = new Error('stop');
  await expect(writeFolderAtomic(join(folder, 'model'), () => Promise.reject(stop))).rejects.toBe(stop);
  expect(weights()).toBe('old');
  expect(readdirSync(folder)).toEqual(['model']);
});

test('a second kill, at any operation of the next write, leaves the old or the new folder', async () => {
  leaveOld('old');
  const seen = await atEveryOperation(
    () => writeModel('new'),
    () => weights() ?? contentOf(join(folder, '.tmp-model-old', 'weights')),
  );
  expect(new Set(seen)).toEqual(new Set(['old', 'new']));
  expect(readdirSync(folder)).toEqual(['model']);
});

test('sweep restores the old folder of an interrupted replacement, or removes it if the new one exists', async () => {
  const isDraft = (name: string): boolean => name.startsWith('.tmp-');
  leaveOld('old');
  await sweep(folder, isDraft);
  expect(weights()).toBe('old');
  leaveOld('older');
  await sweep(folder, isDraft);
  expect(weights()).toBe('old');
  expect(readdirSync(folder)).toEqual(['model']);
});

test('sweep removes a link with the name of an old folder, but not its target', async () => {
  mkdirSync(join(folder, 'outside'));
  symlinkSync(join(folder, 'outside'), join(folder, '.tmp-model-old'));
  await sweep(folder, (name) => name.startsWith('.tmp-'));
  expect(readdirSync(folder)).toEqual(['outside']);
});

test('removes an old draft, syncs the file before the rename and the folder after it', async () => {
  const order: string[] = [];
  const path = join(folder, 'file');
  beforeOperation = (name) => void order.push(name);
  await writeAtomic(path, async (file) => {
    const sync = file.sync.bind(file);
    file.sync = async () => {
      order.push('sync file');
      await sync();
    };
  });
  // The last open opens the folder, to sync it.
  expect(order).toEqual(['rm', 'open', 'sync file', 'rename', 'open']);
});

test('a failed write keeps the old content, removes the draft and rethrows', async () => {
  const path = join(folder, 'file');
  await writeFileAtomic(path, 'old');
  const stop = new Error('stop');
  const failing = writeAtomic(path, async (file) => {
    await file.write('half');
    throw stop;
  });
  await expect(failing).rejects.toBe(stop);
  expect(readFileSync(path, 'utf8')).toBe('old');
  expect(readdirSync(folder)).toEqual(['file']);
});

test('the next write replaces the longer draft of a killed process', async () => {
  const path = join(folder, 'file');
  writeFileSync(draftOf(path), 'a draft longer than the content');
  await writeFileAtomic(path, 'new');
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(readdirSync(folder)).toEqual(['file']);
});

test('the synchronous writer replaces a link at the path of its draft, and leaves no draft', () => {
  const path = join(folder, 'file');
  writeFileSync(join(folder, 'outside'), 'precious');
  symlinkSync(join(folder, 'outside'), `${draftOf(path)}-${process.pid}`);
  writeFileAtomicSync(path, Buffer.from('new'));
  expect(readFileSync(join(folder, 'outside'), 'utf8')).toBe('precious');
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(readdirSync(folder).toSorted()).toEqual(['file', 'outside']);
});

test('replaces a link at the path of the draft and leaves its target alone', async () => {
  writeFileSync(join(folder, 'outside'), 'precious');
  symlinkSync(join(folder, 'outside'), draftOf(join(folder, 'file')));
  await writeFileAtomic(join(folder, 'file'), 'new');
  expect(readFileSync(join(folder, 'outside'), 'utf8')).toBe('precious');
  expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('new');
});

test('writes to a device in place without replacing it', async () => {
  await writeFileAtomic('/dev/null', 'text');
  expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  expect(isWrittenInPlace(join(folder, 'none'))).toBe(false);
  expect(isWrittenInPlace(folder)).toBe(false);
});

test('sweep removes only stale entries, including folders, and returns their names', async () => {
  for (const name of ['keep', 'drop', '.tmp-mine']) writeFileSync(join(folder, name), '');
  mkdirSync(join(folder, 'drop-too', 'deep'), { recursive: true });
  const removed = await sweep(folder, (name) => name.startsWith('drop'));
  expect([removed.toSorted(), readdirSync(folder).toSorted()]).toEqual([
    ['drop', 'drop-too'],
    ['.tmp-mine', 'keep'],
  ]);
});

test('publishing a draft renames it', async () => {
  const path = join(folder, 'blob');
  writeFileSync(`${path}.incomplete`, 'bytes');
  await publishDraft(`${path}.incomplete`, path);
  expect(readdirSync(folder)).toEqual(['blob']);
});

describe('a file system error', () => {
  test('names the file, not its draft, and the next step', async () => {
    const path = join(folder, 'none', 'file');
    await expect(writeFileAtomic(path, 'text')).rejects.toMatchObject({
      name: 'StorageError',
      code: 'NOT_WRITABLE',
      message: expect.stringContaining(`${path}: no such file or folder`) as string,
      tryNext: `mkdir -p ${join(folder, 'none')}`,
    });
  });

  test.skipIf(!existsSync('/dev/full'))('reports a full disk', async () => {
    const path = join(folder, 'file');
    const fillDisk = (): Promise<void> => writeFileAtomic('/dev/full', 'text');
    await expect(writeAtomic(path, fillDisk)).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(readdirSync(folder)).toEqual([]);
  });
});
