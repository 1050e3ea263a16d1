import { expect, test } from 'vitest';
import { demonstrationsOf, type DemonstrationType } from './demonstrations.ts';

const row = (text: string, outcome: 'correct' | 'incorrect') => ({
  problem_id: 'p',
  prompt: [{ role: 'user' as const, content: 'q' }],
  text,
  outcome,
  finish_reason: 'stop' as const,
  messages: null,
});
const build = (texts: readonly ReturnType<typeof row>[], types: readonly DemonstrationType[], more = {}) =>
  demonstrationsOf(new Map(Object.entries({ p: texts, ...more })), {
    mark: '<fix>',
    types,
    separator: '\n',
    seed: 1,
  }).map(({ type, completion }) => [type, completion]);

test('type III corrects the first step in which a wrong attempt differs from the nearest correct attempt', () => {
  const texts = [row('x\ny', 'correct'), row('a\nb\nc', 'correct'), row('a\nB\nC', 'incorrect')];
  expect(build(texts, ['III'])).toEqual([['III', 'a\nB\n<fix>b\nc']]);
});

test('type I keeps a correct attempt as written; type II inserts the marker before one of its later steps', () => {
  const texts = [row('a\nb', 'correct')];
  expect(build(texts, ['I', 'II'])).toEqual([
    ['I', 'a\nb'],
    ['II', 'a\n<fix>b'],
  ]);
});

test('writes the same number of each type, and none at all if one type is impossible', () => {
  const texts = [row('a\nb', 'correct'), row('a\nB', 'incorrect')];
  const other = { q: [row('c\nd', 'correct')] };
  expect(build(texts, ['I', 'III'], other).map(([type]) => type)).toEqual(['I', 'III']);
  expect(build([row('a', 'correct'), row('a\nb', 'incorrect')], ['I', 'III'])).toEqual([]);
});
