import { expect, test } from 'vitest';
import { createRng } from '../../core/rng.ts';
import { damagedAnswer, hostileInputs, randomAnswer } from '../../../bench/math/fuzz.ts';
import { boxed, judgeUnder } from '../../../bench/math/judge.ts';
import { mutations } from '../../../bench/math/mutate.ts';
import { spellings } from '../../../bench/math/reformat.ts';
import { startCpuClock } from '../../../test/cpu-time.ts';

/** Golds of all kinds that occur in data sets. */
const golds = [
  '7',
  '-12',
  '1024',
  '45000',
  '3:1',
  '\\frac{3}{8}',
  '-\\frac{5}{7}',
  '\\dfrac{7}{20}',
  '\\frac{2469}{20,\\!000}',
  '0.45',
  '5.5',
  '\\$32',
  '2\\sqrt{13}',
  '-\\sqrt{2}',
  '12\\pi',
  '64-16\\pi',
  '3+2\\sqrt{5}',
  '2 - \\frac{\\pi}{2}',
  '-2+3i',
  '60^\\circ',
  '28\\%',
  'n = 255',
  '(3,-7)',
  '(-2, 5)',
  '[-2, 7)',
  '(-\\infty,-4)\\cup (4,\\infty)',
  '\\left[ -\\frac{1}{2}, 3 \\right]',
  '-3,1,5',
  '4, 9',
  '1,-1,i,-i',
  'x^2+2x+1',
  '36x^3+8x^2+27x+6',
  'x + y - z + 1 = 0',
  '\\frac{1}{(a - b)b}',
  '\\sqrt{a^2 + b^2}',
  '1 + \\sqrt[3]{2}',
  '\\frac{x+2}{7}',
  '\\begin{pmatrix} -4 \\\\ -12 \\end{pmatrix}',
  '\\begin{pmatrix} 1 & 0 \\\\ 0 & -1 \\end{pmatrix}',
  '\\text{(D)}',
  '\\text{Friday}',
  '18 \\text{ degrees}',
  '204_5',
];
const judge = judgeUnder();

test('accepts other spellings of a gold', async () => {
  let count = 0;
  for (const { name, respell } of spellings) {
    for (const gold of golds) {
      const text = respell(gold);
      if (text === undefined) continue;
      count++;
      expect(await judge(gold, boxed(text)), `${name}: ${gold} as ${text}`).toMatchObject({
        outcome: 'correct',
      });
    }
  }
  expect(count).toBeGreaterThan(400);
});

test('rejects changed golds', async () => {
  let count = 0;
  for (const { name, mutate } of mutations) {
    for (const gold of golds) {
      const text = mutate(gold);
      if (text === undefined) continue;
      count++;
      expect(await judge(gold, boxed(text)), `${name}: ${gold} to ${text}`).toMatchObject({
        outcome: 'incorrect',
      });
    }
  }
  expect(count).toBeGreaterThan(200);
});

test('the verdict does not depend on which of two answers is the gold', async () => {
  for (const one of golds) {
    for (const other of golds) {
      const [forth, back] = [await judge(one, boxed(other)), await judge(other, boxed(one))];
      expect(forth.outcome, `${one} and ${other}`).toBe(back.outcome);
      expect(forth.outcome, `${one} and ${other}`).toBe(one === other ? 'correct' : 'incorrect');
    }
  }
});

test('never throws, and never judges an unreadable answer as correct', async () => {
  const rng = createRng(11, 'math-fuzz');
  for (let i = 0; i < 8_000; i++) {
    const gold = rng.pick(golds);
    const text = i % 2 === 0 ? randomAnswer(rng, 40) : boxed(damagedAnswer(rng, gold));
    const { outcome, score } = await judge(i % 5 === 0 ? damagedAnswer(rng, gold) : gold, text);
    expect(score).toBe(outcome === 'correct' ? 1 : 0);
  }
});

test.each(hostileInputs.map(({ name, text }) => [name, text] as const))(
  '%s take linear time',
  async (_name, text) => {
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      const clock = startCpuClock();
      expect((await judge('17', text)).outcome).not.toBe('correct');
      times.push(clock());
    }
    expect(Math.min(...times)).toBeLessThan(50);
  },
);
