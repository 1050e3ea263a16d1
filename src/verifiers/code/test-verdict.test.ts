import { describe, expect, test } from 'vitest';
import { sampleTests } from './test-sample.ts';
import { verdictOf } from './test-verdict.ts';

const graded = (statuses: readonly ('passed' | 'wrong' | 'timeout')[], total = statuses.length) =>
  ({ status: 'graded', total, results: statuses.map((status) => ({ status })) }) as const;

describe('verdictOf', () => {
  test.each([
    ['all', ['passed', 'passed'], 'correct', 1],
    ['all', ['passed', 'wrong'], 'incorrect', 0],
    ['all', ['passed', 'timeout'], 'timeout', 0],
    ['fraction', ['passed', 'wrong'], 'incorrect', 0.5],
    ['fraction', ['passed', 'passed'], 'correct', 1],
    [{ threshold: 0.5 }, ['passed', 'wrong'], 'correct', 1],
    [{ threshold: 0.51 }, ['passed', 'wrong'], 'incorrect', 0],
  ] as const)('%j with %j: %s, %d', (rule, statuses, outcome, score) => {
    expect(verdictOf(graded(statuses), rule)).toMatchObject({ outcome, score });
  });

  test('a program that did not load fails every test', () => {
    expect(verdictOf(graded(['wrong'], 4), 'fraction')).toMatchObject({ outcome: 'incorrect', score: 0 });
  });

  test('tests that could not run make the verdict ungradable, instead of incorrect', () => {
    expect(verdictOf({ status: 'ungradable', error: 'no machine' }, 'all')).toMatchObject({
      outcome: 'ungradable',
    });
  });
});

describe('sampleTests', () => {
  const many = Array.from({ length: 100 }, (_, i) => i);

  test('depends only on the problem and keeps the order of tests', () => {
    const sample = sampleTests('problem', many, 10);
    expect(sample).toHaveLength(10);
    expect(sampleTests('problem', many, 10)).toEqual(sample);
    expect(sample.toSorted((a, b) => a - b)).toEqual(sample);
    expect(sampleTests('another', many, 10)).not.toEqual(sample);
  });

  test('returns all tests if there are few', () => {
    expect(sampleTests('problem', many, 100)).toEqual(many);
  });
});
