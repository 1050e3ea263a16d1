import { expect, test } from 'vitest';
import { hashKey } from '../../core/rng.ts';
import { suite, suiteConfig } from '../../recipe/suite.ts';
import { beam, bestOfN, dvts, majority } from '../../rollout/strategies/strategy-config.ts';
import { mathProblem, scriptedEngine, syntheticScorer } from '../../testing/index.ts';
import { openVerifier, verifierConfig } from '../../verifiers/config.ts';
import { mathAnswer } from '../../verifiers/math/verifier.ts';
import { evaluateStrategies } from './evaluate-strategies.ts';
import { runStrategies } from './run-strategies.ts';

const problems = Array.from({ length: 6 }, (_, at) => mathProblem({ id: `p${at}` }));

/** Creates an engine that writes two steps, the second of which is the answer, and counts its completions. */
function countingEngine() {
  const counts = { completions: 0 };
  const engine = scriptedEngine({
    complete: (key, index, _version, _turn, { given, seed }) => {
      counts.completions++;
      const answer = `\\boxed{${4 + (hashKey(seed, key, index) % 2)}}`;
      const hasFirst = String.fromCharCode(...given.tokens).includes('one step');
      return hasFirst ? answer : `one step\n\n${answer}`;
    },
  });
  return { engine, counts };
}

const scorer = syntheticScorer({
  auc: 0.8,
  seed: 1,
  isRight: (_, { tokens }, end) => tokens[end - 2] === 52,
});

test('majority and best of N choose among the same answers, drawn once', async () => {
  await using verifier = openVerifier(verifierConfig.parse(mathAnswer()));
  const run = async (strategies: Parameters<typeof suite>[0]['strategies']) => {
    const { engine, counts } = countingEngine();
    const settings = suiteConfig.parse(
      suite({ name: 's', maxTokens: 40, budgets: [2, 8], strategies: strategies! }),
    );
    const runs = await runStrategies({
      engine,
      verifierFor: () => verifier,
      problems,
      suite: settings,
      seed: 3,
      scorer: { ...scorer, reads: 'all' },
    });
    return { runs, completions: counts.completions };
  };
  const [alone, both, reversed] = [
    await run([majority()]),
    await run([majority(), bestOfN()]),
    await run([bestOfN(), majority()]),
  ];
  for (const one of [alone, both, reversed]) expect(one.completions).toBe(6 * 8);
  const [votes, best] = both.runs;
  expect(reversed.runs).toEqual([best, votes]);
  // The vote has the same texts, verdicts and written tokens as when it runs alone; only best of N pays for scores.
  const facts = ({ answers, written, scored }: typeof votes & object) => ({
    answers: answers.map((some) => some.map(({ index, verdict }) => [index, verdict])),
    written,
    scored,
  });
  expect(facts(votes!)).toEqual(facts(alone.runs[0]!));
  expect(votes!.scored).toEqual(problems.map(() => 0));
  expect(Math.min(...best!.scored)).toBeGreaterThan(0);
});

test('keeps the search trees of two problems per bin, with the parent and outcome of each step, and the verdicts', async () => {
  await using verifier = openVerifier(verifierConfig.parse(mathAnswer()));
  const { engine } = countingEngine();
  const strategies = [majority(), beam({ width: 2 }), dvts({ width: 2 })];
  const settings = suiteConfig.parse(suite({ name: 's', maxTokens: 40, budgets: [4], strategies }));
  const parts = { engine, verifierFor: () => verifier, problems, suite: settings, seed: 3, scorer };
  const { trees, problems: ids, problemBins } = await evaluateStrategies(parts);
  const perBin = Map.groupBy(trees, ({ problemId }) => problemBins[ids.indexOf(problemId)]!);
  for (const [bin, some] of perBin) {
    const binned = problemBins.filter((one) => one === bin).length;
    expect(some).toHaveLength(2 * Math.min(2, binned));
  }
  const tree = trees.find(({ strategy }) => strategy === 'beam(2)')!;
  expect(tree).toMatchObject({ budget: 4, scored: 0 });
  // Four first steps; two of them are kept and continued twice each.
  const roots = tree.nodes.filter(({ parent }) => parent === -1);
  expect(roots.map(({ text }) => text)).toEqual(Array(4).fill('one step\n\n'));
  expect(roots.map(({ fate }) => fate).toSorted()).toEqual(['kept', 'kept', 'pruned', 'pruned']);
  const ends = tree.nodes.filter(({ parent }) => parent !== -1);
  expect(ends).toHaveLength(4);
  for (const { parent, fate, text, outcome, score } of ends) {
    expect(tree.nodes[parent]!.fate).toBe('kept');
    expect(fate).toBe('finished');
    expect(outcome).toBe(text === '\\boxed{4}' ? 'correct' : 'incorrect');
    expect(score).toBe(Math.round(1000 * score!) / 1000);
  }
  expect(tree.written).toBe(tree.nodes.reduce((sum, { tokens }) => sum + tokens, 0));
});
