import { expect, test } from 'vitest';
import { formatMeans, formatSpending, type Spending } from './summary.ts';

const exact = (mean: number) => ({ mean, low: mean, high: mean });
/** A run in which best of 4 has the accuracy `best`, and one answer 40 %. */
const run = (best: number): Spending => ({
  run: 'runs/a',
  training: { steps: 140, tokens: 400_000, seconds: 60 },
  rows: [
    { domain: 'math', choice: 'one answer', tokens: 10, accuracy: exact(0.4), gain: exact(0) },
    { domain: 'math', choice: 'best of 4', tokens: 50, accuracy: exact(best), gain: exact(best - 0.4) },
    {
      domain: 'math',
      choice: 'trained on: one answer',
      tokens: 11,
      accuracy: exact(0.42),
      gain: exact(0.02),
    },
  ],
});

test('training is cheaper above the tokens of the training divided by the extra tokens per problem', () => {
  const [, , single, best, trained] = formatSpending(run(0.46)).split('\n');
  expect(single).toMatch(/one answer +10 +40\.0 \[40\.0, 40\.0\] +– +–$/);
  expect(best).toMatch(/best of 4 +50 +46\.0 \[46\.0, 46\.0\] +6\.0 \[6\.0, 6\.0\] +10000$/);
  expect(trained).toMatch(/–$/);
});

test('several runs have means with t-intervals over runs', () => {
  const [head, , , best] = formatMeans([run(0.44), run(0.46)]).split('\n');
  expect(head).toBe('mean of 2 runs: more training took 400000 tokens');
  // t(0.975, 1 degree of freedom) = 12.706; standard error 1 point.
  expect(best).toMatch(/45\.0 \[32\.3, 57\.7\] +5\.0 \[-7\.7, 17\.7\] +10000$/);
});
