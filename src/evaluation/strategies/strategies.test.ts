import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConfigError } from '../../core/errors.ts';
import { hashKey } from '../../core/rng.ts';
import type { Environments } from '../../environments/environment.ts';
import { suite, suiteConfig } from '../../recipe/suite.ts';
import { asked, bestOfN, beam, majority } from '../../rollout/strategies/strategy-config.ts';
import { mathProblem, scriptedEngine, scriptedEnvironment } from '../../testing/index.ts';
import { openVerifier, verifierConfig } from '../../verifiers/config.ts';
import { mathAnswer } from '../../verifiers/math/verifier.ts';
import type { StepScorer } from '../../verifiers/step-scorer.ts';
import { verifierScorer } from '../../scorers/verifier-scorer.ts';
import { evaluate } from '../evaluate.ts';
import { passAtK } from '../estimators.ts';
import { binOf } from '../../difficulty/bins.ts';
import { type BinnedProblem, chooseByBin } from './choose-by-bin.ts';
import { formatStrategies } from './format-strategies.ts';
import type { Arm } from './strategy-arms.ts';
import { withStrategies } from './with-strategies.ts';

const problems = Array.from({ length: 12 }, (_, at) => mathProblem({ id: `p${at}` }));
/** Creates an engine that solves the first problem in 11 of 12 draws, the second in 10, … and the last in none. */
const engine = () =>
  scriptedEngine({
    complete: (key, index, _version, _turn, { seed }) => {
      const draw = hashKey(seed, key, index) % 12;
      const isRight = draw >= Number(key.split('|')[0]!.slice(1)) + 1;
      return `one step\n\n\\boxed{${isRight ? 4 : 5 + (draw % 2)}}`;
    },
  });

const compare = async (
  options: Partial<Parameters<typeof suite>[0]>,
  scorer?: StepScorer,
  environments?: Environments,
) => {
  await using verifier = openVerifier(verifierConfig.parse(mathAnswer()));
  const settings = suiteConfig.parse(suite({ name: 'held-out', maxTokens: 40, greedy: false, ...options }));
  const verifierFor = () => verifier;
  const parts = { engine: engine(), verifierFor, problems, suite: settings, seed: 5 };
  return await evaluate({ ...parts, ...(scorer !== undefined && { scorer }), environments });
};

test('best of N with the verifier as scorer equals unbiased pass@N at every budget', async () => {
  const { strategies } = await compare({
    strategies: [majority(), bestOfN()],
    scorer: verifierScorer(),
    budgets: [1, 4, 16],
  });
  const { arms, oracle } = strategies!;
  for (const budget of [1, 4, 16]) {
    const arm = arms.find((one) => one.name === 'best-of-n last-max' && one.budget === budget)!;
    expect(Math.abs(arm.accuracy.mean - oracle[budget]!)).toBeLessThan(1e-12);
  }
  const counts = arms.find((one) => one.name === 'best-of-n last-max' && one.budget === 1)!.values;
  const four = arms.find((one) => one.name === 'best-of-n last-max' && one.budget === 4)!.values;
  counts.forEach((rate, at) => expect(four[at]).toBeCloseTo(passAtK(16, Math.round(16 * rate), 4), 12));
});

test('reports tokens, bins and paired differences, and survives JSON', async () => {
  const evaluation = await compare({
    strategies: [majority(), bestOfN(), beam({ width: 4 })],
    scorer: verifierScorer(),
    budgets: [4, 8],
  });
  const report = evaluation.strategies!;
  expect(JSON.parse(JSON.stringify(evaluation))).toEqual(evaluation);
  expect(report.bins.easy + report.bins.medium + report.bins.hard).toBe(12);
  expect(report.problems).toEqual(problems.map(({ id }) => id));
  const [four, eight] = report.arms.filter(({ name }) => name === 'majority');
  expect(eight!.written).toBeCloseTo(2 * four!.written, 9);
  for (const { budget, written, scored } of report.arms) {
    expect(written).toBeLessThanOrEqual(budget * 40);
    expect(scored).toBe(0);
  }
  expect(report.arms.find(({ name }) => name === 'majority')!.overMajority).toBeUndefined();
  expect(report.arms.find(({ name }) => name === 'best-of-n last-max')!.overMajority!.mean).toBeGreaterThan(
    0,
  );
  expect(report.chosen.map(({ budget }) => budget)).toEqual([4, 8]);
  const text = formatStrategies(report);
  expect(text).toMatch(/^strategies: 12 problems \(easy \d+, medium \d+, hard \d+\), scorer verifier\n/);
  expect(text).toContain('chosen by bin, N 8: ');
});

test('compares `asked` strategies by bin, counts the tokens of all turns, and needs no scorer', async () => {
  const strategies = [majority(), asked({ way: 'decomposition' })];
  const { strategies: report } = await compare({ strategies, budgets: [4], maxTokens: 120 });
  const [once, inTurns] = report!.arms;
  expect(report!.arms.map(({ name }) => name)).toEqual(['majority', 'asked(decomposition)']);
  // Each answer in turns has three turns with the same text, of which the last is judged.
  expect(inTurns!.written).toBeCloseTo(3 * once!.written, 9);
  expect(inTurns!.overMajority!.mean).toBeCloseTo(inTurns!.accuracy.mean - once!.accuracy.mean, 9);
  const written = Object.entries(report!.bins).reduce(
    (sum, [bin, count]) => sum + count * (inTurns!.writtenByBin[bin as 'easy'] ?? 0),
    0,
  );
  expect(written / 12).toBeCloseTo(inTurns!.written, 9);
  expect(formatStrategies(report!)).toMatch(/^strategy +N .*easy · tokens +medium · tokens +hard · tokens$/m);
  expect(withStrategies([], { strategies: ['asked:decomposition'] })).toEqual([]);
  expect(() => withStrategies([], { strategies: ['asked:nicely'] })).toThrow(/asked:WAY/);
});

test('the same suite gives the same report, and a suite without strategies has no report', async () => {
  const options = { strategies: [majority(), beam({ width: 4 })], scorer: verifierScorer(), budgets: [8] };
  expect((await compare(options)).strategies).toEqual((await compare(options)).strategies);
  expect(await compare({})).not.toHaveProperty('strategies');
});

test('warns when more answers make a weak scorer worse, and when answers have no steps', async () => {
  const inverted: StepScorer = {
    name: 'inverted',
    reads: 'none',
    score: (_, { tokens }, ends) => Promise.resolve(ends.map(() => (tokens.includes(52) ? 0.1 : 0.9))),
  };
  const { strategies } = await compare({ strategies: [bestOfN(), beam()], budgets: [4, 16] }, inverted);
  expect(strategies!.warnings.join('\n')).toMatch(/best-of-n last-max falls from .* to .* from N = 4 to 16/);
  const unsplit = await compare(
    { strategies: [bestOfN(), beam()], budgets: [4], stepSeparator: '###' },
    inverted,
  );
  expect(unsplit.strategies!.warnings.join('\n')).toContain('answers have 1.0 steps on average');
});

test('rejects strategies without a scorer and budgets that are not multiples of a width', async () => {
  await expect(compare({ strategies: [bestOfN()] })).rejects.toThrow(
    'best-of-n chooses by scores: expected "scorer", got none',
  );
  await expect(
    compare({ strategies: [beam({ width: 4 })], scorer: verifierScorer(), budgets: [6] }),
  ).rejects.toThrow('multiples of its width 4, got 6');
});

test('rejects strategies for problems with an environment, unless the suite is closedBook', async () => {
  const environment = scriptedEnvironment({ reply: () => ({ reply: { type: 'end' } }) });
  const environments: Environments = {
    of: () => environment,
    call: () => Promise.reject(new Error('no tools')),
  };
  const strategies = [majority()];
  await expect(compare({ strategies }, undefined, environments)).rejects.toThrow(
    'an environment answers problem p0; set "closedBook: true"',
  );
  const closed = await compare({ strategies, closedBook: true }, undefined, environments);
  expect(closed.strategies!.problems).toHaveLength(12);
});

const arm = (name: string, values: readonly number[]): Arm => ({
  name,
  choice: 'max',
  budget: 4,
  values,
  written: values.map(() => 10),
  scored: values.map(() => 1),
});

test('the policy by bin uses the best arm of the same bin in the other half', () => {
  const some = Array.from({ length: 16 }, (_, place): BinnedProblem => ({
    place,
    id: `${place}`,
    bin: place < 8 ? 'easy' : 'hard',
  }));
  const onEasy = arm(
    'on easy',
    some.map(({ bin }) => (bin === 'easy' ? 0.9 : 0.2)),
  );
  const onHard = arm(
    'on hard',
    some.map(({ bin }) => (bin === 'easy' ? 0.5 : 0.5)),
  );
  const chosen = chooseByBin([onEasy, onHard], some);
  for (const policy of chosen.policies) expect(policy).toMatchObject({ easy: 'on easy', hard: 'on hard' });
  expect(chosen.fixed).toEqual(['on easy', 'on easy']);
  expect(chosen.values).toEqual(some.map(({ bin }) => (bin === 'easy' ? 0.9 : 0.5)));
  expect(chosen.tokens).toEqual(some.map(() => 11));
});

test('a problem never influences the choice of its own arm', () => {
  const rate = fc.double({ min: 0, max: 1, noNaN: true });
  const draws = fc.array(fc.tuple(rate, rate, fc.nat(2)), { minLength: 4, maxLength: 20 });
  fc.assert(
    fc.property(draws, fc.nat(), rate, (list, pick, changed) => {
      const some = list.map(([, , bin], place): BinnedProblem => ({
        place,
        id: `${place}`,
        bin: (['easy', 'medium', 'hard'] as const)[bin]!,
      }));
      const at = pick % list.length;
      const first = list.map(([value]) => value);
      const cheap = arm(
        'cheap',
        list.map(([, value]) => value),
      );
      const costly = (values: readonly number[]): Arm => ({
        ...arm('costly', values),
        written: values.map(() => 20),
      });
      const before = chooseByBin([costly(first), cheap], some);
      const after = chooseByBin([costly(first.with(at, changed)), cheap], some);
      expect(after.tokens[at]).toBe(before.tokens[at]);
      expect(after.fixedTokens[at]).toBe(before.fixedTokens[at]);
    }),
  );
});

test('bins end at pass rates 0.5 and 0.1', () => {
  expect([1, 0.5, 0.49, 0.1, 0.09, 0].map(binOf)).toEqual([
    'easy',
    'easy',
    'medium',
    'medium',
    'hard',
    'hard',
  ]);
});

test('flags replace the strategies of a suite, and an unknown strategy causes an error that lists the known ones', () => {
  const [changed] = withStrategies([suiteConfig.parse(suite({ name: 'a', maxTokens: 8 }))], {
    strategies: ['majority', 'beam:8'],
    budgets: '8,16',
    scorer: 'verifier',
  });
  expect(changed).toMatchObject({
    strategies: [{ type: 'majority' }, { type: 'beam', width: 8, depth: 40 }],
    budgets: [8, 16],
    scorer: { type: 'verifier' },
  });
  const none = suiteConfig.parse(suite({ name: 'a', maxTokens: 8 }));
  expect(withStrategies([none], { strategies: [] })).toEqual([none]);
  expect(() => withStrategies([none], { strategies: ['mcts'] })).toThrow(ConfigError);
  expect(() => withStrategies([none], { strategies: [], budgets: '4,x' })).toThrow('got 4,x');
});
