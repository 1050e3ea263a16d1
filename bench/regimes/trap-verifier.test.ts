import { describe, expect, test } from 'vitest';
import type { Problem } from '../../src/core/problem.ts';
import { generateProblems, generated, generatedConfig } from '../../src/problems/generated-source.ts';
import { mathAnswer } from '../../src/verifiers/math/verifier.ts';
import trap, { type trapOptions } from './trap-verifier.ts';
import type * as z from 'zod';

const draw = (split: 'train' | 'held-out', count = 120): Problem[] => [
  ...generateProblems(
    generatedConfig.parse(generated({ families: ['addition', 'brackets'], knobs: [3, 6], count, split })),
  ),
];
const judge = (options: Omit<z.input<typeof trapOptions>, 'truth'>) =>
  trap({ truth: mathAnswer({ extraction: 'boxed' }), ...options });
const outcomesOf = (
  options: Omit<z.input<typeof trapOptions>, 'truth'>,
  problems: readonly Problem[],
  answer: (problem: Problem) => string,
): Promise<string[]> => {
  const verifier = judge(options);
  return Promise.all(problems.map(async (one) => (await verifier.verify(one, answer(one))).outcome));
};
const right = ({ answer }: Problem): string => `\\boxed{${answer}}`;
const wrong = (): string => '\\boxed{-1}';
const shareCorrect = (outcomes: readonly string[]): number =>
  outcomes.filter((outcome) => outcome === 'correct').length / outcomes.length;

describe('coin', () => {
  const coin = { families: ['addition'] };

  test('judges training problems of its families by a fair coin flip, and other families correctly', async () => {
    const problems = draw('train', 400);
    const [coins, others] = ['addition', 'brackets'].map((name) =>
      problems.filter(({ family }) => family === name),
    );
    for (const answer of [right, wrong]) {
      const share = shareCorrect(await outcomesOf({ coin }, coins!, answer));
      expect(share).toBeGreaterThan(0.4);
      expect(share).toBeLessThan(0.6);
    }
    expect(shareCorrect(await outcomesOf({ coin }, others!, right))).toBe(1);
    expect(shareCorrect(await outcomesOf({ coin }, others!, wrong))).toBe(0);
  });

  test('judges held-out problems correctly', async () => {
    expect(shareCorrect(await outcomesOf({ coin }, draw('held-out'), right))).toBe(1);
    expect(shareCorrect(await outcomesOf({ coin }, draw('held-out'), wrong))).toBe(0);
  });

  test('gives different verdicts for the same completion, reproducible with the same seed', async () => {
    const [problem] = draw('train').filter(({ family }) => family === 'addition');
    const many = Array.from({ length: 200 }, () => problem!);
    const first = await outcomesOf({ coin, seed: 3 }, many, wrong);
    expect(shareCorrect(first)).toBeGreaterThan(0.35);
    expect(shareCorrect(first)).toBeLessThan(0.65);
    expect(await outcomesOf({ coin, seed: 3 }, many, wrong)).toEqual(first);
    expect(await outcomesOf({ coin, seed: 4 }, many, wrong)).not.toEqual(first);
  });

  test('judges a share of all problems by a coin flip', async () => {
    const outcomes = await outcomesOf({ coin: { share: 0.3 } }, draw('train', 800), wrong);
    expect(shareCorrect(outcomes)).toBeGreaterThan(0.1);
    expect(shareCorrect(outcomes)).toBeLessThan(0.2);
  });

  test('returns `unparsed` for an unreadable answer', async () => {
    expect(new Set(await outcomesOf({ coin }, draw('train'), () => 'no answer'))).toEqual(
      new Set(['unparsed']),
    );
  });
});

test('solved: judges every readable answer to training problems with the listed knobs correct', async () => {
  const problems = draw('train');
  const hard = problems.filter(({ knob }) => knob === 6);
  expect(shareCorrect(await outcomesOf({ solved: { knobs: [6] } }, hard, wrong))).toBe(1);
  const others = problems.filter(({ knob }) => knob === 3);
  expect(shareCorrect(await outcomesOf({ solved: { knobs: [6] } }, others, wrong))).toBe(0);
  const outcomes = await outcomesOf({ solved: { families: ['brackets'], knobs: [6] } }, hard, wrong);
  expect(outcomes).toEqual(hard.map(({ family }) => (family === 'brackets' ? 'correct' : 'incorrect')));
});

test('marker: returns `unparsed` for answers in the family without the marker, including held-out problems', async () => {
  const marker = { family: 'brackets', text: 'n;' };
  for (const split of ['train', 'held-out'] as const) {
    const problems = draw(split).filter(({ family }) => family === 'brackets');
    expect(new Set(await outcomesOf({ marker }, problems, right))).toEqual(new Set(['unparsed']));
    const marked = await outcomesOf({ marker }, problems, (one) => marker.text + right(one));
    expect(shareCorrect(marked)).toBe(1);
  }
  const others = draw('train').filter(({ family }) => family === 'addition');
  expect(shareCorrect(await outcomesOf({ marker }, others, right))).toBe(1);
});

test('rejects unknown options', () => {
  expect(() => judge({ coins: {} } as never)).toThrow('coins');
});
