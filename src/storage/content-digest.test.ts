import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Problem } from '../core/problem.ts';
import { contentDigest } from './content-digest.ts';

const problem: Problem = {
  id: 'a',
  domain: 'math',
  prompt: [{ role: 'user', content: '1+1=?' }],
  answer: '2',
  source: 'test',
};

test('the digest changes with prompt, gold or tests, and with nothing else', () => {
  const stdio = { type: 'stdio', language: 'python', cases: [{ input: '', output: '2' }] } as const;
  const others: Partial<Problem>[] = [
    { answer: '3' },
    { tests: stdio },
    { prompt: [{ role: 'system', content: '1+1=?' }] },
    { prompt: [{ role: 'user', content: '1+1 =?' }] },
    { prompt: [...problem.prompt, ...problem.prompt] },
  ];
  const digests = others.map((other) => contentDigest({ ...problem, ...other }));
  expect(new Set([contentDigest(problem), ...digests]).size).toBe(others.length + 1);
  fc.assert(
    fc.property(fc.string(), fc.string(), (id, source) => {
      const renamed: Problem = { ...problem, id, source, extra: { id } };
      expect(contentDigest(renamed)).toBe(contentDigest(problem));
    }),
  );
});
