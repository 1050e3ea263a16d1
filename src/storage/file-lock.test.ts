import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { isLocked, takeLock } from './file-lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-lock-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('allows one holder at a time and leaves only an empty file', () => {
  const path = join(folder, 'run.lock');
  expect(isLocked(path)).toBe(false);
  const first = takeLock(path);
  expect(first).toBeDefined();
  expect(takeLock(path)).toBeUndefined();
  expect(isLocked(path)).toBe(true);
  first?.[Symbol.dispose]();
  expect(isLocked(path)).toBe(false);
  using second = takeLock(path);
  expect(second).toBeDefined();
  expect(readdirSync(folder)).toEqual(['run.lock']);
});

test('isLocked works for a read-only lock file', () => {
  const path = join(folder, 'read-only.lock');
  takeLock(path)?.[Symbol.dispose]();
  chmodSync(path, 0o444);
  expect(isLocked(path)).toBe(false);
});
