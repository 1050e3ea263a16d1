import { expect, test } from 'vitest';
import { openPassRateStore } from '../../difficulty/pass-rates/sqlite-store.ts';
import { stage } from '../../curriculum/stage.ts';
import { defineRecipe } from '../../recipe/define-recipe.ts';
import { resolvedStages } from '../../recipe/resolve-stage.ts';
import { mathProblem, scriptedEngine } from '../../testing/index.ts';
import { singleTurn } from '../../testing/single-turn.ts';
import { observePassRates } from './observe-pass-rates.ts';
import type { LiveStage, RolledGroup } from '../step/collect-batch.ts';
import type { TrainingContext } from '../training-context.ts';

const recipe = defineRecipe({
  name: 'observed',
  policy: { model: 'none' },
  problems: [{ type: 'generated', split: 'train', perCell: 1 }],
  verifiers: {},
  algorithm: { type: 'grpo' },
  optimizer: { learningRate: 1e-3 },
  sampling: { maxTokens: 8 },
  batch: { problems: 1, groupSize: 2 },
  stages: [stage('one', { maxSteps: 4 })],
});
const settings = resolvedStages(recipe)[0]!;
const problem = mathProblem({ id: 'p' });

const groupOf = (outcome: 'correct' | 'incorrect', offPolicySteps: number): RolledGroup => {
  const verdict = { outcome, score: Number(outcome === 'correct'), reason: '', verifier: 'math@1' };
  const rollouts = [0, 1].map((index) => ({
    problemId: 'p',
    index,
    transcripts: [singleTurn({ tokens: Int32Array.of(1) })],
    verdict,
  }));
  return { problem, rollouts, scored: [], isZeroAdvantage: true, offPolicySteps };
};

test('stores each attempt of one policy at a problem once, over several steps', () => {
  using store = openPassRateStore(':memory:');
  const engine = scriptedEngine({ complete: () => '' });
  const verifierFor = () => ({ name: 'math', version: '1' });
  const context = { store, engine, verifierFor } as unknown as TrainingContext;
  const observe = (group: RolledGroup, step: number): void =>
    observePassRates(context, { settings } as LiveStage, [group], step);
  // The policy before the first update writes the batches of steps 1 and 2; a resumed run records step 2
  // again.
  observe(groupOf('correct', 0), 1);
  observe(groupOf('incorrect', 1), 2);
  observe(groupOf('incorrect', 1), 2);
  expect(store.history('p').map(({ step, rollout, outcome }) => [step, rollout, outcome])).toEqual([
    [0, 0, 'correct'],
    [0, 1, 'correct'],
    [0, 2, 'incorrect'],
    [0, 3, 'incorrect'],
  ]);
});
