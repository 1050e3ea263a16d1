import { expect, test } from 'vitest';
import { openEmbeddedEngine } from '../../engines/embedded/engine.ts';
import { suite, suiteConfig } from '../../recipe/suite.ts';
import { beam, bestOfN, dvts, majority } from '../../rollout/strategies/strategy-config.ts';
import { mathProblem, syntheticScorer } from '../../testing/index.ts';
import { openVerifier, verifierConfig } from '../../verifiers/config.ts';
import { mathAnswer } from '../../verifiers/math/verifier.ts';
import { evaluateStrategies } from './evaluate-strategies.ts';

const settings = suiteConfig.parse(
  suite({
    name: 'held-out',
    maxTokens: 12,
    strategies: [majority(), bestOfN(), beam({ width: 2 }), dvts({ width: 2 })],
    budgets: [4],
    stepSeparator: '{',
  }),
);
const problems = ['3+4', '7*2', '9-5', '12+8'].map((sum, at) =>
  mathProblem({ id: `p${at}`, prompt: [{ role: 'user', content: `${sum}=?` }] }),
);

test('a real model gives the same answers and token counts with different lanes and slots', async () => {
  await using verifier = openVerifier(verifierConfig.parse(mathAnswer()));
  const scorer = syntheticScorer({
    auc: 0.8,
    seed: 1,
    isRight: (_, { tokens }, end) => tokens[end - 1]! % 2 === 0,
  });
  const reportWith = async (options: { lanes: number; slots: number }) => {
    await using engine = await openEmbeddedEngine({ model: 'models/gradus-tiny', ...options });
    return await evaluateStrategies({
      engine,
      verifierFor: () => verifier,
      problems,
      suite: settings,
      seed: 3,
      scorer,
    });
  };
  const wide = await reportWith({ lanes: 1, slots: 64 });
  const narrow = await reportWith({ lanes: 2, slots: 2 });
  expect(narrow).toEqual(wide);
  const beams = wide.arms.find(({ name }) => name === 'beam(2) last-max')!;
  expect(beams.written).toBeGreaterThan(4);
  expect(beams.written).toBeLessThanOrEqual(4 * 12);
});
