import { expect, test } from 'vitest';
import { algorithmConfig, createAlgorithm } from '../../algorithms/algorithm.ts';
import { uniformAt, hashKey } from '../../core/rng.ts';
import { createGate, gateConfig } from '../../curriculum/gates/create-gate.ts';
import { createStageSampler } from '../../curriculum/samplers/stage-sampler.ts';
import { stage } from '../../curriculum/stage.ts';
import { defineRecipe } from '../../recipe/define-recipe.ts';
import type { RecipeInput } from '../../recipe/recipe.ts';
import { resolvedStages } from '../../recipe/resolve-stage.ts';
import { mathProblem, scriptedEngine } from '../../testing/index.ts';
import type { Verifier } from '../../verifiers/verifier.ts';
import { type LiveStage, rollBatch } from './collect-batch.ts';

const verifier: Verifier = {
  name: 'exact',
  version: '1',
  check() {},
  async verify(_problem, completion) {
    const outcome = completion === 'yes' ? 'correct' : 'incorrect';
    return { outcome, score: Number(completion === 'yes'), reason: '', verifier: 'exact@1' };
  },
  async [Symbol.asyncDispose]() {},
};

/** Creates a stage with `math` and `code` problems. */
function liveStage(options: {
  math: number;
  code: number;
  mix?: Record<string, number>;
  maxRefills: number;
}): LiveStage {
  const problems = [
    ...Array.from({ length: options.math }, (_, i) => mathProblem({ id: `math/${i}`, domain: 'math' })),
    ...Array.from({ length: options.code }, (_, i) => mathProblem({ id: `code/${i}`, domain: 'code' })),
  ];
  const { mix, maxRefills } = options;
  const input: RecipeInput = {
    name: 'mixed',
    policy: { model: 'none' },
    problems: [{ type: 'generated', split: 'train', perCell: 1 }],
    verifiers: {},
    algorithm: { type: 'dapo' },
    optimizer: { learningRate: 1e-3 },
    sampling: { maxTokens: 8 },
    batch: { problems: 9, groupSize: 2 },
    stages: [
      stage('one', {
        ...(mix === undefined ? {} : { mix }),
        maxRefills,
        maxSteps: 1,
        gates: [{ type: 'zero-advantage' }],
      }),
    ],
  };
  const recipe = defineRecipe(input);
  const settings = resolvedStages(recipe)[0]!;
  const pool = problems.map(({ id, domain }) => ({
    id,
    domain,
    levels: [],
    measured: { successes: 0, trials: 0 },
  }));
  return {
    settings,
    algorithm: createAlgorithm(algorithmConfig.parse({ type: 'dapo' })),
    problems: new Map(problems.map((problem) => [problem.id, problem])),
    levels: new Map(),
    sampler: createStageSampler(settings.config, pool, 3, 4),
    gates: [createGate(gateConfig.parse({ type: 'zero-advantage' }))],
  };
}

/**
 * Creates an engine whose groups have a signal with these probabilities, by domain; in other groups, both attempts have
 * the same outcome.
 */
const engineWith = (rate: { math: number; code: number }) =>
  scriptedEngine({
    complete: (key, index) => {
      const isMixed = uniformAt(hashKey(key, 'mixed')) < (key.startsWith('math') ? rate.math : rate.code);
      return isMixed && index === 1 ? 'no' : 'yes';
    },
  });

const countOf = (
  domain: string,
  groups: readonly { readonly problem: { readonly domain: string } }[],
): number => groups.filter(({ problem }) => problem.domain === domain).length;

test('keeps the mix among trained groups, whatever share of each domain the gates admit', async () => {
  const live = liveStage({ math: 200, code: 200, mix: { math: 2, code: 1 }, maxRefills: 12 });
  const engine = engineWith({ math: 0.8, code: 0.4 });
  let [math, code] = [0, 0];
  for (let step = 0; step < 8; step++) {
    const moment = { step: step + 1, stepInStage: step, seed: 1 };
    const { admitted, note } = await rollBatch({ engine, verifierFor: () => verifier }, live, moment);
    expect(note).toBeNull();
    math += countOf('math', admitted);
    code += countOf('code', admitted);
  }
  expect([math, code]).toEqual([48, 24]);
});

test('fills the batch from the other domain if one is exhausted', async () => {
  const live = liveStage({ math: 200, code: 1, mix: { math: 1, code: 1 }, maxRefills: 12 });
  const engine = engineWith({ math: 0.5, code: 1 });
  const moment = { step: 1, stepInStage: 0, seed: 1 };
  const { admitted, note } = await rollBatch({ engine, verifierFor: () => verifier }, live, moment);
  expect(countOf('code', admitted)).toBe(1);
  expect(countOf('math', admitted)).toBeGreaterThanOrEqual(4);
  expect(note).toMatch(/of 9 groups passed the gates/);
});

test('without a mix, fills the batch from the entire pool, and tries no problem twice in a step', async () => {
  const live = liveStage({ math: 20, code: 20, maxRefills: 12 });
  const { groups, admitted } = await rollBatch(
    { engine: engineWith({ math: 0.5, code: 0.5 }), verifierFor: () => verifier },
    live,
    { step: 1, stepInStage: 0, seed: 1 },
  );
  expect(admitted).toHaveLength(9);
  expect(new Set(groups.map(({ problem }) => problem.id)).size).toBe(groups.length);
});
