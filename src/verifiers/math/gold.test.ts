import { expect, test } from 'vitest';
import { goldAnswer, guessedReading } from './gold.ts';

test.each([
  ['10:30', /time or a ratio/],
  ['4/5/2024', /month could be either/],
  ['2024-04-22', /is compared|date/],
  ['5-10', /range, a score or a difference/],
  ['1.2.3', /version/],
  ['555-123-4567', /phone/],
  ['3,5', /separate two numbers/],
])('the reading of the gold %j is a guess: %j', (gold, reason) => {
  expect(guessedReading(gold)).toMatch(reason);
});

test.each([
  '42',
  '1,234',
  '3:4',
  '1/2',
  '(1,2)',
  '1, 2',
  '\\frac{4}{22}',
  'x-5',
  '\\text{Monday}',
  '',
  '\\frac{{{',
])('the reading of the gold %j is not a guess', (gold) => {
  expect(guessedReading(gold)).toBeUndefined();
});

test('a gold whose words are not mathematics is kept as text', () => {
  expect(goldAnswer('5 out of 8 people').node).toEqual({ kind: 'text', text: '5 out of 8 people' });
  expect(goldAnswer('第一象限').node.kind).toBe('text');
});
