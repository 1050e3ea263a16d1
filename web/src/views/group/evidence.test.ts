import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { differenceOf } from './diff.ts';
import { normalisedOf, otherFacts, partsOf, spanOf, testsOf } from './evidence.ts';

test('the parts of a difference add up to both texts', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (left, right) => {
      const found = differenceOf(left, right);
      expect(found.before + found.left + found.after).toBe(left);
      expect(found.before + found.right + found.after).toBe(right);
      expect([...found.left][0] === [...found.right][0]).toBe(found.left === '' && found.right === '');
    }),
  );
  expect(differenceOf('1/12', '1/13')).toEqual({ before: '1/1', left: '2', right: '3', after: '' });
});

test('reads any JSON as evidence without throwing', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('tests', 'failures', 'parts', 'span', 'normalised', 'x'), fc.jsonValue()),
      (evidence) => {
        for (const row of testsOf(evidence)?.rows ?? []) expect(row.status).toBeTypeOf('string');
        for (const part of partsOf(evidence) ?? []) expect(part.outcome).toBeTypeOf('string');
        expect(normalisedOf(evidence)).toBeTypeOf('object');
        expect(otherFacts(evidence)).toBeInstanceOf(Array);
        const [start, end] = spanOf(evidence, 10) ?? [0, 1];
        expect(start >= 0 && start < end && end <= 10).toBe(true);
      },
    ),
  );
});

test('reads the results of JavaScript and Python tests', () => {
  const javascript = {
    tests: [
      { arguments: [1, [2]], expected: 3, got: '3', status: 'returned', passed: true },
      { arguments: [2], expected: 3, got: '4', status: 'returned', passed: false },
      { arguments: [], expected: 1, got: 'TypeError: x', status: 'failed', passed: false },
    ],
  };
  expect(testsOf(javascript)).toEqual({
    note: '1 of 3 passed',
    rows: [
      { number: 1, status: 'passed', input: '1, [2]', expected: '3', got: '3', error: null },
      { number: 2, status: 'wrong', input: '2', expected: '3', got: '4', error: null },
      { number: 3, status: 'failed', input: '', expected: '1', got: null, error: 'TypeError: x' },
    ],
  });
  const python = {
    passed: 3,
    total: 9,
    run: 4,
    failures: [{ test: 3, status: 'wrong', input: '2\n', expected: '4', got: '5' }],
  };
  expect(testsOf(python)).toEqual({
    note: '3 of 9 passed, 4 run; first failures',
    rows: [{ number: 4, status: 'wrong', input: '2\n', expected: '4', got: '5', error: null }],
  });
});
