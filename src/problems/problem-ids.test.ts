import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { DataError } from '../core/errors.ts';
import { ProblemIds } from './problem-ids.ts';

const said = (content: string) => [{ role: 'user' as const, content }];
const problem = (content: string, answer?: string) => ({
  prompt: said(content),
  ...(answer === undefined ? {} : { answer }),
});

test('a row without an id gets a digest of its content, which does not depend on its position or on other rows', () => {
  const rows = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2', undefined)), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(rows, fc.nat(), (all, at) => {
      const ids = (some: typeof all): string[] => {
        const given = new ProblemIds();
        return some.map(([content, answer]) => given.ofContent(problem(content, answer)));
      };
      expect(new Set(ids(all)).size).toBe(all.length);
      const turned = [...all.slice(at % 12), ...all.slice(0, at % 12)];
      expect(ids(turned).toSorted()).toEqual(ids(all).toSorted());
    }),
  );
});

test('a different question, gold or set of tests gives a different id', () => {
  const ids = new ProblemIds();
  const tests = { type: 'stdio', language: 'python', cases: [{ input: '1', output: '2' }] } as const;
  const all = [
    ids.ofContent(problem('q', '1')),
    ids.ofContent(problem('q', '2')),
    ids.ofContent(problem('p', '1')),
    ids.ofContent({ prompt: [{ role: 'system', content: 'q' }], answer: '1' }),
    ids.ofContent({ ...problem('q'), tests }),
  ];
  expect(new Set(all).size).toBe(5);
  expect(ids.ofContent(problem('q', '1'))).toBe(`${all[0]}-2`);
  expect(all[0]).toMatch(/^[0-9a-f]{16}$/);
});

test('keeps a stated id and rejects a second row with the same id', () => {
  const ids = new ProblemIds();
  expect(ids.stated('w', 'a.jsonl', 1, 'id')).toBe('w');
  expect(ids.stated('x', 'b.jsonl', 5, 'id')).toBe('x');
  const again = (): string => ids.stated('x', 'c.jsonl', 7, 'id');
  expect(again).toThrow(DataError);
  expect(again).toThrow(/^c.jsonl:7: expected a new "id", got "x" again \(first at b.jsonl:5\)/);
});
