import { describe, expect, test } from 'vitest';
import type { Bandit } from '../../src/core/bandit/bandit.ts';
import type { BanditEpisode } from '../../src/core/bandit/regret.ts';
import { createRng } from '../../src/core/rng.ts';
import { playOracle } from '../../src/environments/bandit/play-oracle.ts';
import { explorationTurns, fitRegret } from './regret-fit.ts';

describe('regret fit', () => {
  const turns = 10_000;
  const long: Bandit = { type: 'bernoulli', means: [0.6, 0.4], turns };

  /** Makes episodes whose expected regret after t turns is λ (ln t)^α + β t: errors are independent coin flips. */
  const synthetic = (lambda: number, alpha: number, beta: number, seed: number, episodes: number) =>
    Array.from({ length: episodes }, (_, i): BanditEpisode => {
      const rng = createRng(seed, 'synthetic', i);
      const expected = (t: number): number => lambda * Math.log(t) ** alpha + beta * t;
      const choices = Array.from({ length: turns }, (_turn, t) => {
        const slope = t === 0 ? expected(1) : expected(t + 1) - expected(t);
        return Number(rng.next() < slope / 0.2);
      });
      return { bandit: long, choices, rewards: choices };
    });

  test('rejects a single episode', () => {
    const one = { bandit: long, choices: [0], rewards: [0] };
    expect(() => fitRegret([one], { seed: 0 })).toThrow('expected at least two episodes');
  });

  test('recovers β within its interval in at least 90 % of synthetic curves', () => {
    const cases = [
      { lambda: 4, alpha: 1, beta: 0.02 },
      { lambda: 1, alpha: 2, beta: 0.02 },
      { lambda: 4, alpha: 1, beta: 0.06 },
    ];
    let held = 0;
    const runs = 10;
    for (const { lambda, alpha, beta } of cases)
      for (let seed = 0; seed < runs; seed++) {
        const fit = fitRegret(synthetic(lambda, alpha, beta, seed, 10), { seed, resamples: 100 });
        if (fit.beta.low <= beta && beta <= fit.beta.high) held++;
      }
    expect(held / (cases.length * runs)).toBeGreaterThanOrEqual(0.9);
  }, 60_000);

  test('distinguishes linear from sub-linear regret when the horizon is long', () => {
    expect(fitRegret(synthetic(4, 1, 0.05, 1, 20), { seed: 1 }).verdict).toBe('linear');
    expect(fitRegret(synthetic(4, 1, 0, 1, 20), { seed: 1 }).verdict).toBe('sub-linear');
  });

  test("returns 'cannot tell' for UCB with 20 arms, gap 0.2 and 1,000 turns: its regret is logarithmic but looks linear", () => {
    const means = Array.from({ length: 20 }, (_, arm) => (arm === 7 ? 0.6 : 0.4));
    const wide: Bandit = { type: 'bernoulli', means, turns: 1000 };
    const episodes = Array.from({ length: 30 }, (_, seed) => playOracle('ucb', wide, seed));
    const fit = fitRegret(episodes, { seed: 0 });
    expect(fit.verdict).toBe('cannot tell');
    expect(fit.reason).toContain('even an optimal player explores for about 1618');
  });

  test('the bound on exploration is that of Lai and Robbins', () => {
    expect(explorationTurns(long)).toBeCloseTo(Math.log(turns) / (0.2 * Math.log(1.5)), 9);
    const normal: Bandit = { type: 'gaussian', means: [0, 1], deviation: 2, turns: 100 };
    expect(explorationTurns(normal)).toBeCloseTo(8 * Math.log(100), 9);
    // One failure rules out an arm whose reward is always 1.
    expect(explorationTurns({ type: 'bernoulli', means: [1, 0.5], turns: 100 })).toBe(0);
  });
});
