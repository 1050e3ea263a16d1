import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Problem } from '../../core/problem.ts';
import { editionOf } from './edition.ts';

const problem: Problem = {
  id: 'a',
  domain: 'math',
  prompt: [{ role: 'user', content: '1+1=?' }],
  answer: '2',
  source: 'test',
};

test('an edition follows prompt, gold and tests, and nothing else', () => {
  const stdio = { type: 'stdio', language: 'python', cases: [{ input: '', output: '2' }] } as const;
  const others: Partial<Problem>[] = [
    { answer: '3' },
    { tests: stdio },
    { prompt: [{ role: 'system', content: '1+1=?' }] },
    { prompt: [{ role: 'user', content: '1+1 =?' }] },
    { prompt: [...problem.prompt, ...problem.prompt] },
  ];
  const editions = others.map((other) => editionOf({ ...problem, ...other }));
  expect(new Set([editionOf(problem), ...editions]).size).toBe(others.length + 1);
  fc.assert(
    fc.property(fc.string(), fc.string(), (id, source) => {
      expect(editionOf({ ...problem, id, source, extra: { id } })).toBe(editionOf(problem));
    }),
  );
});
