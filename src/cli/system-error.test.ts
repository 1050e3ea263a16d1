import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { RunError } from '../core/errors.ts';
import { explainSystemError } from './system-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-system-error-'));
afterAll(() => rmSync(folder, { recursive: true }));

const refused = (action: () => unknown): unknown => {
  try {
    action();
  } catch (error) {
    return explainSystemError(error);
  }
  throw new Error('expected a refusal');
};

test('a refusal of the file system names the place and the next step', () => {
  const missing = join(folder, 'none', 'out.jsonl');
  const error = refused(() => openSync(missing, 'w'));
  expect(error).toBeInstanceOf(RunError);
  expect(error).toMatchObject({
    code: 'RUN_NOT_WRITABLE',
    message: expect.stringContaining(`${missing}: there is no such file or folder (ENOENT`) as string,
    tryNext: `mkdir -p ${join(folder, 'none')}`,
  });
  expect(refused(() => readFileSync(join(folder, 'none')))).toMatchObject({ tryNext: `ls -ld ${folder}` });
  expect(refused(() => writeFileSync(folder, ''))).toMatchObject({
    message: expect.stringContaining('this is a folder, where a file is needed') as string,
  });
});

test('a full disk is told even where the system names no file', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
    syscall: 'write',
  });
  expect(explainSystemError(full)).toMatchObject({ code: 'RUN_DISK_FULL', tryNext: 'df -h .' });
});

test('what is not of the file system comes back unchanged', () => {
  const bug = new TypeError('undefined is not a function');
  const network = Object.assign(new Error('connect'), { code: 'ECONNREFUSED', syscall: 'connect' });
  for (const error of [bug, network, 'text', undefined]) expect(explainSystemError(error)).toBe(error);
});
