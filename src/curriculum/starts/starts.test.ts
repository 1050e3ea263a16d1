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

/** Simulates groups of 8 whose success rate depends on the share; returns the shares. */
function play(starts: Starts, rate: (share: number) => number, groups: number): number[] {
  return Array.from({ length: groups }, () => {
    const [choice] = starts.choose(['p']) as [StartChoice];
    const share = choice.kind === 'solution' ? choice.share : 0;
    const successes = Math.round(8 * rate(share));
    starts.observe([
      { problemId: 'p', kind: share === 0 ? 'prompt' : 'solution', successes, trials: 8, attempts: [] },
    ]);
    return share;
  });
}

test('reveal bisects after a group without a signal, stays after a mixed one, and reveals less after successes', () => {
  const starts = open(reveal({ promptShare: 0, step: 0.1, maxShare: 0.8 }));
  const shown = (rate: number, groups: number): string[] =>
    play(starts, () => rate, groups).map((share) => share.toFixed(3));
  expect(shown(0, 4)).toEqual(['0.400', '0.600', '0.700', '0.750']);
  expect(shown(1 / 4, 3)).toEqual(['0.775', '0.775', '0.775']);
  expect(shown(3 / 4, 3)).toEqual(['0.775', '0.675', '0.575']);
  expect(Number(shown(1, 10).at(-1))).toBe(0);
  expect(starts.metrics()).toEqual({ revealed: 0, atPrompt: 1 });
});

test('reveal finds within a few groups the part that gives a signal, and finds it again after the policy improves', () => {
  const starts = open(reveal({ promptShare: 0 }));
  const rateAt = (threshold: number) => (share: number) =>
    share < threshold ? 0 : share < threshold + 0.1 ? 0.4 : 1;
  for (const threshold of [0.8, 0.3, 0.55]) {
    const shares = play(starts, rateAt(threshold), 16);
    const isMixed = shares.slice(8).map((share) => share >= threshold && share < threshold + 0.1);
    expect(isMixed).toEqual(Array(8).fill(true));
  }
});

test('reveal finds the shortest part that helps, and stays there', () => {
  const starts = open(reveal({ rule: 'shortest', promptShare: 0, step: 1 / 64, maxShare: 1 }));
  const shares = play(starts, (share) => Number(share >= 0.3), 20);
  expect(shares.at(-1)).toBeGreaterThanOrEqual(0.3);
  expect(shares.at(-1)).toBeLessThan(0.3 + 1 / 64);
  expect(new Set(shares.slice(-8)).size).toBe(1);
});

test('likelihood corrects the log-odds after groups without a signal', () => {
  const starts = open(reveal({ rule: 'likelihood', promptShare: 0, maxShare: 0.8 }));
  const after = (successes: number): StartChoice => {
    starts.observe([{ problemId: 'p', kind: 'solution', successes, trials: 8, attempts: [] }]);
    return starts.choose(['p'])[0]!;
  };
  const at = (correction: number) => ({ kind: 'likelihood', correction, maxShare: 0.8 });
  expect([0, 0, 3, 8].map(after)).toEqual([at(-1), at(-2), at(-2), at(-1)]);
  starts.observe([{ problemId: 'p', kind: 'prompt', successes: 1, trials: 8, attempts: [] }]);
  expect(starts.choose(['p'])).toEqual([{ kind: 'prompt' }]);
  starts.observe([{ problemId: 'p', kind: 'prompt', successes: 0, trials: 8, attempts: [] }]);
  expect(starts.choose(['p'])).toEqual([at(-1)]);
});

test('reveal begins at the prompt unless the problem was measured as unsolved, and returns there after a success from it', () => {
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

test('reveal rejects a pool without solutions', () => {
  expect(() => open(reveal(), { ...hard, hasSolution: false })).toThrow(
    'expected problems with a "solution"',
  );
});

test("restart begins after the policy's newest attempt of the configured kind", () => {
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
