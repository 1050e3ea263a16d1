import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { StorageError } from '../core/errors.ts';
import { explainSystemError } from './system-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-system-error-'));
afterAll(() => rmSync(folder, { recursive: true }));

const refused = (action: () => unknown): unknown => {
  try {
    action();
  } catch (error) {
    return explainSystemError(error);
  }
  throw new Error('expected an error');
};

test('a file system error names the path and the next step', () => {
  const missing = join(folder, 'none', 'out.jsonl');
  const error = refused(() => openSync(missing, 'w'));
  expect(error).toBeInstanceOf(StorageError);
  expect(error).toMatchObject({
    code: 'NOT_WRITABLE',
    message: expect.stringContaining(`${missing}: no such file or folder (ENOENT`) as string,
    tryNext: `mkdir -p ${join(folder, 'none')}`,
  });
  expect(refused(() => readFileSync(join(folder, 'none')))).toMatchObject({ tryNext: `ls -ld ${folder}` });
  expect(refused(() => writeFileSync(folder, ''))).toMatchObject({
    message: expect.stringContaining('this is a folder; expected a file') as string,
  });
});

test('a full disk is reported even if the system error names no file', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
    syscall: 'write',
  });
  expect(explainSystemError(full)).toMatchObject({ code: 'DISK_FULL', tryNext: 'df -h .' });
});

test('any other error is returned unchanged', () => {
  const bug = new TypeError('undefined is not a function');
  const network = Object.assign(new Error('connect'), { code: 'ECONNREFUSED', syscall: 'connect' });
  for (const error of [bug, network, 'text', undefined]) expect(explainSystemError(error)).toBe(error);
});
