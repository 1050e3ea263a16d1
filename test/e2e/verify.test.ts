import { rmSync, writeFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { jsonLines, openCommands, startGradus } from './gradus.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-verify-'));
const commands = openCommands(folder);
const { run } = commands;
afterAll(() => {
  commands[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});
const write = (file: string, value: unknown): void =>
  writeFileSync(join(folder, file), JSON.stringify(value));

const triple = {
  type: 'function',
  language: 'javascript',
  entryPoint: 'f',
  cases: [{ arguments: [2], expected: 6 }],
};

test('prints one verdict per line for files of cases, in order', async () => {
  write('math.json', [{ gold: '1/2', pred: 'so \\boxed{0.5}' }, { gold: '1,2', pred: '2,1' }, { pred: '' }]);
  const math = await run('verify', 'math', '--cases', 'math.json', '--set', 'lists=ordered');
  expect(jsonLines(math).map(({ outcome }) => outcome)).toEqual(['correct', 'incorrect', 'ungradable']);
  const programs = ['f = x => 3 * x', 'f = x => x'];
  write(
    'code.json',
    programs.map((program) => ({ problem: { tests: triple }, program })),
  );
  const code = await run('verify', 'code', '--cases', 'code.json');
  expect(jsonLines(code).map(({ outcome }) => outcome)).toEqual(['correct', 'incorrect']);
  expect(code.code).toBe(0);
});

test('explains a single answer; rejects an unknown policy', async () => {
  const one = await run('verify', 'math', '1/2', '\\boxed{0.25}');
  expect(one).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^incorrect \(score 0\)\nreason: 0.25 is not/),
  });
  const bad = await run('verify', 'math', '1', '1', '--set', 'list=ordered');
  expect(bad).toMatchObject({ code: 2, stderr: expect.stringContaining('lists') });
});

test('serves until it is stopped, then exits with 0', async () => {
  const service = startGradus(folder, ['serve', 'verifier', '--port', '0', '--json']);
  const line = await new Promise<string>((said) => service.child.stdout!.once('data', said));
  const { url } = JSON.parse(line) as { url: string };
  const body = JSON.stringify({ gold: '5', pred: '5.0' });
  const answer = await fetch(`${url}/verify`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  expect(await answer.json()).toMatchObject({ outcome: 'correct' });
  service.child.kill('SIGTERM');
  const ended = await service.ended;
  expect(ended.code).toBe(0);
  expect(jsonLines(ended)).toMatchObject([{ type: 'listening', url }, { stopped: true }]);
});
