import { expect, test } from 'vitest';
import { createRng } from '../../core/rng.ts';
import { outcomes } from '../../core/verdict.ts';
import type { ProblemResult, PromptResult } from '../problem-result.ts';
import { greedyRobustness, sampledRobustness } from './robustness.ts';

const verdicts = Object.fromEntries(outcomes.map((one) => [one, 0])) as ProblemResult['verdicts'];
/** Creates a problem with the given results for its wordings, original prompt first. */
const problem = (id: string, [own, ...wordings]: readonly PromptResult[]): ProblemResult => ({
  id,
  domain: 'math',
  ...own!,
  verdicts,
  truncated: 0,
  tokens: 0,
  wordings,
});
const greedy = (...right: boolean[]) =>
  right.map((one) => ({ trials: 1, correct: Number(one), greedy: one }));

test('reports accuracy, flips in both directions and the share solved in all wordings, paired by problem', () => {
  const results = [
    problem('all', greedy(true, true, true)),
    problem('lost', greedy(true, false, false)),
    problem('found', greedy(false, true, false)),
    problem('never', greedy(false, false, false)),
  ];
  const robustness = greedyRobustness(results, 0)!;
  expect(robustness).toMatchObject({
    problems: 4,
    own: 0.5,
    others: 0.375,
    change: { mean: -0.125 },
    byWording: [0.5, 0.5, 0.25],
    rightInAll: { mean: 0.25 },
    rightInSome: 0.75,
    rightToWrong: 0.25,
    wrongToRight: 0.125,
    chanceFlips: 0,
  });
  expect(robustness.consistency!.mean).toBeCloseTo(1 / 3, 12);
});

test('consistency is absent for a model that is never correct', () => {
  const wrong = Array.from({ length: 40 }, (_, i) => problem(`${i}`, greedy(false, false)));
  expect(greedyRobustness(wrong, 0)).toMatchObject({ rightInSome: 0, rightToWrong: 0 });
  expect(greedyRobustness(wrong, 0)).not.toHaveProperty('consistency');
});

test('omits problems without a second judged wording', () => {
  const alone = problem('alone', greedy(true));
  const unjudged = problem('unjudged', [
    { trials: 4, correct: 4 },
    { trials: 0, correct: 0 },
  ]);
  expect(sampledRobustness([alone, unjudged], 0)).toBeUndefined();
  const uneven = [problem('two', greedy(true, true)), problem('three', greedy(true, true, true))];
  expect(sampledRobustness([...uneven, alone], 0)).toMatchObject({ problems: 2 });
  expect(sampledRobustness(uneven, 0)).not.toHaveProperty('byWording');
});

test('estimates from samples are unbiased, and their intervals cover the truth', () => {
  const [problems, trials, repeats] = [60, 4, 200];
  const truth = { change: 0, all: 0, some: 0, flips: 0 };
  const ratesOf = (i: number) => [((i % 10) + 0.5) / 10, (i % 5) / 5, ((i * 3) % 10) / 10];
  for (let i = 0; i < problems; i++) {
    const [own, second, third] = ratesOf(i) as [number, number, number];
    truth.change += ((second + third) / 2 - own) / problems;
    truth.all += (own * second * third) / problems;
    truth.some += (1 - (1 - own) * (1 - second) * (1 - third)) / problems;
    truth.flips += (2 * own * (1 - own)) / problems;
  }
  const rng = createRng(5, 'robustness');
  const covered = { change: 0, all: 0, consistency: 0 };
  const means = { all: 0, flips: 0 };
  for (let repeat = 0; repeat < repeats; repeat++) {
    // Draw new problems in each trial, because the intervals are over problems.
    const results = Array.from({ length: problems }, (_, at) => {
      const attempt = (rate: number): PromptResult => {
        const right = Array.from({ length: trials }, () => rng.next() < rate).filter(Boolean).length;
        return { trials, correct: right };
      };
      return problem(`${at}`, ratesOf(rng.integer(0, problems - 1)).map(attempt));
    });
    const { change, rightInAll, consistency, chanceFlips } = sampledRobustness(results, repeat)!;
    const holds = ({ low, high }: { low: number; high: number }, value: number): number =>
      Number(low <= value && value <= high);
    covered.change += holds(change, truth.change);
    covered.all += holds(rightInAll, truth.all);
    covered.consistency += holds(consistency!, truth.all / truth.some);
    means.all += rightInAll.mean / repeats;
    means.flips += chanceFlips! / repeats;
  }
  expect(means.all).toBeCloseTo(truth.all, 2);
  expect(means.flips).toBeCloseTo(truth.flips, 2);
  for (const count of Object.values(covered)) {
    expect(count / repeats).toBeGreaterThan(0.91);
    expect(count / repeats).toBeLessThan(0.985);
  }
});
