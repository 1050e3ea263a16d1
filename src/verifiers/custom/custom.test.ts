import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { mathProblem } from '../../testing/index.ts';
import { openVerifier, verifierConfig } from '../config.ts';
import { customVerifier } from './custom.ts';
import { verifierLabel } from '../verifier.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-custom-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (file: string, text: string): string => {
  writeFileSync(join(folder, file), text);
  return file;
};
const open = (module: string, more: object = {}) =>
  openVerifier(verifierConfig.parse(customVerifier({ module, ...more })), folder);
const problem = mathProblem({ id: 'p', answer: 'abc' });

const echo = `
import { same } from './same.ts';
interface Options { readonly word?: string }
export default ({ word = '' }: Options) => ({
  name: 'echo',
  check({ answer }) { if (answer === undefined) throw new Error('nothing to echo'); },
  verify({ answer }, completion) {
    if (completion === 'throw') throw new Error('thrown');
    if (completion === 'hang') for (;;);
    if (completion === 'exit') process.exit(0);
    if (completion === 'nonsense') return { outcome: 'fine' };
    return same(completion, word + answer)
      ? { outcome: 'correct', reason: 'the same', evidence: { word } }
      : { outcome: 'incorrect', reason: 'another', score: 0.25 };
  },
});`;
write('same.ts', 'export const same = (a: string, b: string): boolean => a === b;');

test.each([0, 2])("judges with a user's module, with %d workers", async (workers) => {
  await using verifier = open(write('echo.ts', echo), { options: { word: 'x' }, workers });
  expect(verifier.name).toBe('echo');
  const verdicts = await Promise.all(['xabc', 'abc'].map((text) => verifier.verify(problem, text)));
  expect(verdicts).toEqual([
    {
      outcome: 'correct',
      score: 1,
      reason: 'the same',
      evidence: { word: 'x' },
      verifier: verifierLabel(verifier),
    },
    { outcome: 'incorrect', score: 0.25, reason: 'another', verifier: verifierLabel(verifier) },
  ]);
  await expect(verifier.verify(problem, 'throw')).rejects.toThrow('thrown');
  await expect(verifier.verify(problem, 'nonsense')).rejects.toThrow(/echo@.*expected a verdict/s);
  const { answer: _, ...without } = problem;
  expect(() => verifier.check(without)).toThrow(/problem p \(.*\): nothing to echo/);
});

test('makes only one verdict, not the next, ungradable if a thread hangs or ends', async () => {
  await using verifier = open(write('echo-thread.ts', echo), { workers: 1, maxTime: '700ms' });
  const [hung, after] = [verifier.verify(problem, 'hang'), verifier.verify(problem, 'abc')];
  await expect(hung).rejects.toThrow('no verdict within 700 ms');
  expect((await after).outcome).toBe('correct');
  await expect(verifier.verify(problem, 'exit')).rejects.toThrow('thread ended');
  expect((await verifier.verify(problem, 'abc')).outcome).toBe('correct');
});

test('changes the version with the module, its imports and the options', () => {
  const versions = [
    open(write('a.ts', echo)).version,
    open(write('b.ts', `${echo}\n// edited`)).version,
    open('a.ts', { options: { word: 'y' } }).version,
  ];
  write('same.ts', 'export const same = (a: string, b: string): boolean => a.trim() === b;');
  versions.push(open('a.ts').version);
  expect(new Set(versions).size).toBe(4);
  expect(open('a.ts').version).toBe(versions[3]);
});

test.each([
  ['missing.ts', undefined, 'found no such file'],
  ['throws.ts', 'throw new Error("on load")', 'cannot load this verifier module: Error: on load'],
  ['empty.ts', 'export const verify = 1;', 'expected the default export to be a verifier'],
  ['wrong.js', 'export default () => ({ verify: 1 });', 'got object'],
  ['later.mjs', 'await 1; export default {};', 'it uses top-level await'],
])('rejects %s', (file, text, says) => {
  if (text !== undefined) write(file, text);
  expect(() => open(file)).toThrow(says);
});
