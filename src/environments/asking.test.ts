import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashKey } from '../core/rng.ts';
import { ways } from '../core/text/ways-of-asking.ts';
import { mathProblem, scriptedEngine } from '../testing/index.ts';
import { turns } from '../rollout/strategies/turns.ts';
import { asking, askingConfig, casesOf, openAsking } from './asking.ts';

const request = { rollouts: 1, maxTokens: 400, temperature: 1, seed: 1 };
const open = (settings: Parameters<typeof asking>[0]) => openAsking(askingConfig.parse(asking(settings)));
const call = () => Promise.reject(new Error('no tools'));

test('asks for cases, then for their rule, then for the answer, and judges the last message', async () => {
  const engine = scriptedEngine({ complete: (_key, _index, _version, turn) => `answer ${turn}` });
  const strategy = turns(open({ way: 'inductive-deductive', cases: 4 }), call);
  const attempts = [];
  for await (const attempt of strategy.roll({ engine }, [mathProblem()], request)) attempts.push(attempt);
  const [{ messages, written }] = attempts[0]!.transcripts as [(typeof attempts)[0]['transcripts'][0]];
  expect(messages.map(({ role, author }) => `${role} ${author}`)).toEqual([
    'user problem',
    'assistant policy',
    'user environment',
    'assistant policy',
    'user environment',
    'assistant policy',
  ]);
  expect(messages[0]!.content).toMatch(/^2\+2=\?\n\nDo not answer yet\. Write down 4 simpler cases/);
  expect(messages.at(-1)!.content).toBe('answer 2');
  expect(written).toHaveLength(3);
});

test('the version includes the number of cases only for ways that use cases', () => {
  expect(open({ way: 'decomposition' })).toMatchObject({ name: 'asking-decomposition', version: '1' });
  expect(open({ way: 'decomposition', cases: 5 }).version).toBe('1');
  expect(open({ way: 'inductive-deductive' }).version).toBe('1-3');
  expect(open({ way: 'inductive-deductive', cases: 'complexity' }).version).toBe('1-complexity');
});

test('every wording matches the hash recorded for its version', () => {
  // Pass rates are stored by name and version: bump the version when you change the text.
  const words = Object.entries(ways).map(([name, { version, first, later }]) => [
    `${name}@${version}`,
    hashKey(first, ...later).toString(36),
  ]);
  expect(Object.fromEntries(words)).toEqual({
    'step-by-step@1': '1he9m73',
    'decomposition@1': 'vwjvll',
    'inductive-deductive@1': '19x15qm',
  });
});

test('asks for more cases when the problem is more complex, from 1 to 6', () => {
  const prompt = (content: string) => [{ role: 'user' as const, content }];
  expect(casesOf(prompt('How many?'), 'complexity')).toBe(1);
  expect(casesOf(prompt('999999 + 999999 + 999999'), 'complexity')).toBe(6);
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 6 }), (text, cases) => {
      expect(casesOf(prompt(text), cases)).toBe(cases);
      const found = casesOf(prompt(text), 'complexity');
      expect(Number.isInteger(found) && found >= 1 && found <= 6).toBe(true);
    }),
  );
});
