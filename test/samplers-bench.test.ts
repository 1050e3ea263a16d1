import { expect, test } from 'vitest';
import { arms, judge } from '../bench/samplers/judge.ts';
import { learn } from '../bench/samplers/learner.ts';
import { policies } from '../bench/samplers/policies.ts';
import { samplerConfig } from '../src/curriculum/samplers/create-sampler.ts';
import { mean } from '../src/statistics/summary.ts';

const [frozen, balanced, , lottery] = policies(undefined);
const seeds = [1, 2];

/** Returns the signal of a sampler divided by that of uniform sampling, over 40 steps. */
function ofUniform(policy: typeof frozen, arm: (typeof arms)[number]): number {
  const signal = (one: typeof arm): number =>
    mean(seeds.map((seed) => judge(policy!, one, seed, 40).perGroup));
  return signal(arm) / signal(arms[0]!);
}

test('covers every sampler', () => {
  const types = samplerConfig.options.map(({ shape }) => shape.type.value);
  const pool = [{ id: 'a', domain: 'math', levels: ['easy'], measured: { successes: 1, trials: 1 } }];
  const judged = arms.map(({ config }) => samplerConfig.parse(config(pool, 1)).type);
  expect(types.filter((type) => !judged.includes(type))).toEqual([]);
});

test.each(arms.filter(({ isAdaptive }) => isAdaptive))(
  '$name finds at least 1.2 times the signal of uniform sampling in a frozen pool',
  (arm) => {
    expect(ofUniform(frozen, arm)).toBeGreaterThan(1.2);
  },
);

test('auto beats uniform sampling on a balanced pool, and on a pool with a third of the families judged by chance', () => {
  const auto = arms.find(({ name }) => name === 'auto')!;
  expect(ofUniform(balanced, auto)).toBeGreaterThan(1.1);
  expect(ofUniform(lottery, auto)).toBeGreaterThan(1.1);
});

test('auto teaches a learner more than uniform sampling with 10 % within reach, and with coin-flip verdicts', () => {
  const gain = (regime: Parameters<typeof learn>[0]): number =>
    mean(
      seeds.map((seed) => learn(regime, { type: 'auto' }, seed) - learn(regime, { type: 'uniform' }, seed)),
    );
  expect(gain({ name: '10 %', share: 0.1 })).toBeGreaterThan(0.08);
  expect(gain({ name: 'coins', coins: 0.3 })).toBeGreaterThan(-0.01);
});
