import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Bandit } from '../../../core/bandit/bandit.ts';
import { regretsOf } from '../../../core/bandit/regret.ts';
import { exploration } from '../../../evaluation/exploration/exploration.ts';
import { drawBandits, banditsConfig } from '../../../problems/bandit-source.ts';
import { playOracle } from '../play-oracle.ts';
import { createLinUcb } from './lin-ucb.ts';
import { createOracle, oracleNames } from './create-oracle.ts';
import { createThompson } from './thompson.ts';
import { createUcb } from './ucb.ts';

/** Reference runs computed with numpy and scipy; see `scripts/make-bandit-golden.py`. */
interface Play {
  readonly choices: readonly number[];
  readonly regret: number;
}
const golden = JSON.parse(readFileSync('test/golden/bandits.json', 'utf8')) as {
  readonly bernoulli: {
    readonly means: readonly number[];
    readonly tape: readonly string[];
    readonly uniforms: readonly (readonly number[])[];
    readonly ucb: Play;
    readonly thompson: Play;
  };
  readonly contextual: {
    readonly weights: readonly (readonly number[])[];
    readonly contexts: readonly (readonly number[])[];
    readonly noise: readonly (readonly number[])[];
    readonly 'lin-ucb': Play;
  };
};

test.for(['ucb', 'thompson'] as const)('%s makes the same choices as the numpy reference', (name) => {
  const { means, tape, uniforms, [name]: expected } = golden.bernoulli;
  const oracle = name === 'ucb' ? createUcb(means.length, 0.5) : createThompson(means.length, null);
  const pulled = new Int32Array(means.length);
  const choices = uniforms.map((row) => {
    const draws = row.values();
    const arm = oracle.choose(undefined, () => draws.next().value!);
    oracle.observe({ arm, reward: Number(tape[arm]![pulled[arm]!++]) });
    return arm;
  });
  expect(choices).toEqual(expected.choices);
  const bandit: Bandit = { type: 'bernoulli', means: [...means], turns: choices.length };
  expect(regretsOf({ bandit, choices }).reduce((a, b) => a + b, 0)).toBeCloseTo(expected.regret, 9);
});

test('lin-ucb makes the same choices as the numpy reference', () => {
  const { weights, contexts, noise, 'lin-ucb': expected } = golden.contextual;
  const oracle = createLinUcb(weights.length, weights[0]!.length);
  const pulled = new Int32Array(weights.length);
  const value = (arm: number, x: readonly number[]): number =>
    weights[arm]!.reduce((sum, weight, i) => sum + weight * x[i]!, 0);
  let regret = 0;
  const choices = contexts.map((context) => {
    const arm = oracle.choose(context, () => 0);
    oracle.observe({ arm, reward: value(arm, context) + noise[arm]![pulled[arm]!++]!, context });
    regret += Math.max(...weights.map((_, i) => value(i, context))) - value(arm, context);
    return arm;
  });
  expect(choices).toEqual(expected.choices);
  expect(regret).toBeCloseTo(expected.regret, 9);
});

const hard = banditsConfig.parse({
  type: 'bandits',
  count: 200,
  arms: 5,
  gap: 0.2,
  turns: 200,
  split: 'train',
});
const games = Array.from(drawBandits(hard), ({ extra }) => extra!['bandit'] as Bandit);
const explored = (name: (typeof oracleNames)[number], count = games.length) =>
  exploration(games.slice(0, count).map((bandit, seed) => playOracle(name, bandit, seed)));

test('greedy often never tries the best arm again, unlike UCB, at nearly the same mean regret', () => {
  const [greedy, ucb, random] = [explored('greedy'), explored('ucb'), explored('random')];
  expect(greedy.suffixFailure.mean).toBeGreaterThanOrEqual(0.3);
  expect(greedy.greedyShare).toBe(1);
  expect(ucb.suffixFailure.mean).toBeLessThanOrEqual(0.02);
  expect(ucb.coverage).toBe(1);
  expect(Math.abs(greedy.regret.mean / ucb.regret.mean - 1)).toBeLessThan(0.25);
  expect(random.regret.mean / random.randomRegret).toBeCloseTo(1, 1);
  expect(random.leastShare).toBeGreaterThan(0.5);
});

test('Thompson sampling rarely abandons the best arm, and has less regret than random choices', () => {
  const { regret, randomRegret, suffixFailure } = explored('thompson', 50);
  expect(regret.high).toBeLessThan(0.8 * randomRegret);
  expect(suffixFailure.mean).toBeLessThanOrEqual(0.05);
});

test('with context, LinUCB beats algorithms that ignore it', () => {
  const config = banditsConfig.parse({
    type: 'bandits',
    rewards: 'contextual',
    count: 40,
    deviation: 0.2,
    split: 'train',
  });
  const share = (name: 'lin-ucb' | 'ucb'): number => {
    const { regret, randomRegret } = exploration(
      Array.from(drawBandits(config), ({ extra }, seed) =>
        playOracle(name, extra!['bandit'] as Bandit, seed),
      ),
    );
    return regret.mean / randomRegret;
  };
  expect(share('lin-ucb')).toBeLessThan(0.35);
  expect(share('ucb')).toBeGreaterThan(0.7);
});

test('rejects lin-ucb for a bandit without context', () => {
  expect(() => createOracle('lin-ucb', games[0]!)).toThrow('expected a bandit with context');
});

test('an oracle repeats its choices exactly for a seed, and chooses only existing arms', () => {
  const rewards = fc.constantFrom('bernoulli', 'gaussian', 'contextual');
  fc.assert(
    fc.property(
      rewards,
      fc.integer({ min: 2, max: 6 }),
      fc.integer({ min: 0, max: 99 }),
      fc.constantFrom(...oracleNames),
      (kind, arms, seed, name) => {
        fc.pre(name !== 'lin-ucb' || kind === 'contextual');
        const [problem] = drawBandits(
          banditsConfig.parse({
            type: 'bandits',
            rewards: kind,
            arms,
            seed,
            count: 1,
            turns: 30,
            split: 'train',
          }),
        );
        const bandit = problem!.extra!['bandit'] as Bandit;
        const played = playOracle(name, bandit, seed);
        expect(playOracle(name, bandit, seed)).toEqual(played);
        expect(played.choices.every((arm) => arm !== null && arm >= 0 && arm < arms)).toBe(true);
        expect(played.rewards.every(Number.isFinite)).toBe(true);
        expect(regretsOf(played).every((regret) => regret >= 0)).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});
