import { expect, test } from 'vitest';
import { createStarts, startsConfig } from './create-starts.ts';
import { restart } from './restart.ts';
import { reveal } from './reveal.ts';
import type { StartChoice, Starts } from './starts.ts';

const hard = { id: 'p', measured: { successes: 0, trials: 16 }, hasSolution: true };
const open = (input: Parameters<typeof startsConfig.parse>[0], problem = hard): Starts =>
  createStarts(startsConfig.parse(input), [problem], 1);
const shareOf = (starts: Starts): number => {
  const [choice] = starts.choose(['p']);
  return choice!.kind === 'solution' ? choice!.share : 0;
};

/** Plays groups of 8 with the success rate that a share has; returns the shares. */
function play(starts: Starts, rate: (share: number) => number, groups: number): number[] {
  return Array.from({ length: groups }, () => {
    const [choice] = starts.choose(['p']) as [StartChoice];
    const share = choice.kind === 'solution' ? choice.share : 0;
    const successes = Math.round(8 * rate(share));
    starts.observe([{ problemId: 'p', kind: choice.kind, successes, trials: 8, attempts: [] }]);
    return share;
  });
}

test('reveal follows success: less after a solved group, more after one without success, the same between', () => {
  const starts = open(reveal({ promptShare: 0, step: 0.1, maxShare: 0.8 }));
  expect(play(starts, () => 0, 6).map((share) => share.toFixed(1))).toEqual([
    '0.4',
    '0.5',
    '0.6',
    '0.7',
    '0.8',
    '0.8',
  ]);
  expect(play(starts, () => 1 / 4, 3).map((share) => share.toFixed(1))).toEqual(['0.8', '0.8', '0.8']);
  expect(play(starts, () => 1, 10).at(-1)).toBe(0);
  expect(starts.metrics()).toEqual({ revealed: 0, atPrompt: 1 });
});

test('reveal finds the shortest part that helps, and stays there', () => {
  const starts = open(reveal({ rule: 'shortest', promptShare: 0, step: 1 / 64, maxShare: 1 }));
  const shares = play(starts, (share) => Number(share >= 0.3), 20);
  expect(shares.at(-1)).toBeGreaterThanOrEqual(0.3);
  expect(shares.at(-1)).toBeLessThan(0.3 + 1 / 64);
  expect(new Set(shares.slice(-8)).size).toBe(1);
});

test('reveal returns to the prompt after a success from there, and begins there unless measured as unsolved', () => {
  const starts = open(reveal({ promptShare: 1 }));
  expect(shareOf(starts)).toBe(0);
  starts.observe([{ problemId: 'p', kind: 'prompt', successes: 1, trials: 8, attempts: [] }]);
  expect(starts.metrics()['atPrompt']).toBe(1);
  for (const measured of [
    { successes: 1, trials: 8 },
    { successes: 0, trials: 0 },
  ])
    expect(shareOf(open(reveal({ promptShare: 0 }), { ...hard, measured }))).toBe(0);
});

test('reveal needs solutions', () => {
  expect(() => open(reveal(), { ...hard, hasSolution: false })).toThrow(
    'expected problems with a "solution"',
  );
});

test('restart begins after the newest own attempt of the kind it is for', () => {
  const starts = open(restart({ share: 1, backtrack: 1 }));
  expect(starts.choose(['p'])).toEqual([{ kind: 'prompt' }]);
  const observe = (tokens: number[], isCorrect: boolean): void =>
    starts.observe([
      { problemId: 'p', kind: 'prompt', successes: 0, trials: 1, attempts: [{ tokens, isCorrect }] },
    ]);
  observe([1, 2], false);
  observe([3], true);
  expect(starts.choose(['p'])).toEqual([{ kind: 'incorrect', attempt: [1, 2], steps: 1 }]);
  observe([4], false);
  expect(starts.choose(['p'])).toEqual([{ kind: 'incorrect', attempt: [4], steps: 1 }]);
  expect(starts.metrics()).toEqual({ attempts: 1 });
});
