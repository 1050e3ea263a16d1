import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { DataError } from '../core/errors.ts';
import { ProblemIds } from './problem-ids.ts';

const said = (content: string) => [{ role: 'user' as const, content }];

test('rows without an id are named by what they say, wherever they stand and whatever stands around them', () => {
  const rows = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2', undefined)), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(rows, fc.nat(), (all, at) => {
      const ids = (some: typeof all): string[] => {
        const given = new ProblemIds();
        return some.map(([content, answer]) => given.ofContent(said(content), answer, undefined));
      };
      expect(new Set(ids(all)).size).toBe(all.length);
      const turned = [...all.slice(at % 12), ...all.slice(0, at % 12)];
      expect(ids(turned).toSorted()).toEqual(ids(all).toSorted());
    }),
  );
});

test('question, gold and tests each make another problem', () => {
  const ids = new ProblemIds();
  const tests = { type: 'stdio', language: 'python', cases: [{ input: '1', output: '2' }] } as const;
  const all = [
    ids.ofContent(said('q'), '1', undefined),
    ids.ofContent(said('q'), '2', undefined),
    ids.ofContent(said('p'), '1', undefined),
    ids.ofContent([{ role: 'system', content: 'q' }], '1', undefined),
    ids.ofContent(said('q'), undefined, tests),
  ];
  expect(new Set(all).size).toBe(5);
  expect(ids.ofContent(said('q'), '1', undefined)).toBe(`${all[0]}-2`);
  expect(all[0]).toMatch(/^[0-9a-f]{16}$/);
});

test('a stated id is kept, and refused the second time', () => {
  const ids = new ProblemIds();
  expect(ids.stated('x', 'a.jsonl:1', 'id')).toBe('x');
  expect(() => ids.stated('x', 'b.jsonl:7', 'id')).toThrow(DataError);
});
