import { expect, test } from 'vitest';
import type { Bandit } from '../../core/bandit/bandit.ts';
import type { BanditEpisode } from '../../core/bandit/regret.ts';
import { exploration } from './exploration.ts';

const bandit: Bandit = { type: 'bernoulli', means: [0.2, 0.8], turns: 8 };
const episode = (choices: readonly (number | null)[], rewards = choices.map(() => 0)): BanditEpisode => ({
  bandit,
  choices,
  rewards,
});

test('computes regret, suffix failure, coverage and missing turns for episodes with known values', () => {
  const found = exploration([
    episode([0, 1, 1, 1, 1, 1, 1, 1]),
    episode([0, 0, 0, 0, 0, 0, 0, 0]),
    episode([1, 1, null, 1]),
  ]);
  expect(found.episodes).toBe(3);
  // Unplayed turns cost as much as the worst arm: 5 of 8 in the last episode.
  expect(found.regret.mean).toBeCloseTo((0.6 * (1 + 8 + 5)) / 3, 12);
  expect(found.randomRegret).toBeCloseTo(0.3 * 8, 12);
  expect(found.suffixFailure.mean).toBeCloseTo(2 / 3, 12);
  expect(found.coverage).toBeCloseTo((1 + 0.5 + 0.5) / 3, 12);
  expect(found.missing).toBeCloseTo(5 / 24, 12);
  expect(found.bestShare.early).toBeCloseTo((3 / 4 + 0 + 3 / 4) / 3, 12);
  expect(found.bestShare.late).toBeCloseTo(1 / 3, 12);
});

test('the greedy share counts choices of the arm with the best mean so far, once all arms were tried', () => {
  // After arms 0 and 1: means 1 and 0. Choices: 0 greedy, 1 not, 0 greedy.
  expect(exploration([episode([0, 1, 0, 1, 0], [1, 0, 1, 0, 1])]).greedyShare).toBeCloseTo(2 / 3, 12);
  expect(exploration([episode([0, 0])])).not.toHaveProperty('greedyShare');
});

test('rejects an empty list of episodes', () => {
  expect(() => exploration([])).toThrow('expected at least one episode');
});
