import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Problem } from '../../src/core/problem.ts';
import type { RecordedLikelihood } from '../../src/difficulty/pass-rates/pass-rate-store.ts';
import { readPassRateStore } from '../../src/difficulty/pass-rates/sqlite-store.ts';
import { estimateDifficulty } from '../../src/measuring/estimate-difficulty.ts';
import { predictDifficulty } from '../../src/measuring/predict-difficulty.ts';
import { locateModel } from '../../src/models/open-model.ts';
import { defineRecipe } from '../../src/recipe/define-recipe.ts';
import { javascriptTests } from '../../src/verifiers/javascript-tests.ts';
import { mathAnswer } from '../../src/verifiers/math/verifier.ts';
import { taughtFamilies } from '../taught-families.ts';
import { prefixesOf } from './data.ts';

const model = 'models/gradus-tiny';

/** Problems of gradus-tiny with their rollouts and likelihoods. */
export interface TinyPool {
  readonly problems: readonly Problem[];
  readonly horizon: number;
  /** Successes among the first 0 … horizon rollouts, by problem. */
  readonly prefixes: readonly Uint16Array[];
  /** By problem id. */
  readonly likelihoods: ReadonlyMap<string, readonly RecordedLikelihood[]>;
}

/**
 * Measures a pool of generated problems with 64 rollouts each. The first call takes some minutes; later calls read the
 * store in the folder of temporary files.
 *
 * @param seed seed of the questions and of the rollouts.
 */
export async function measureTinyPool(seed: number, count = 1500): Promise<TinyPool> {
  const horizon = 64;
  const folder = join(tmpdir(), 'gradus-bench');
  mkdirSync(folder, { recursive: true });
  const store = join(folder, `tiny-${count}-${seed}.sqlite`);
  const recipe = defineRecipe({
    name: 'tiny',
    seed,
    policy: { model },
    problems: [{ type: 'generated', families: [...taughtFamilies], split: 'train', count, seed }],
    verifiers: {
      math: mathAnswer({ extraction: 'boxed' }),
      code: javascriptTests({ score: 'all' }),
    },
    difficulty: { type: 'pass-rate', rollouts: horizon, maxTokens: 32 },
    algorithm: { type: 'grpo' },
    optimizer: { learningRate: 1e-3 },
    sampling: { maxTokens: 32 },
    stages: [{ type: 'stage', name: 'one', maxSteps: 1 }],
  });
  const source = await locateModel(model);
  await estimateDifficulty(recipe, { source, store, onPlan: ({ text }) => console.error(text) });
  const { problems, likelihoods } = await predictDifficulty(recipe, { source, store });
  using reader = readPassRateStore(store);
  const marks = new Map(
    reader
      .conditions()
      .flatMap((one) => Array.from(reader.passRates(one), ([id, found]) => [id, found.marks] as const)),
  );
  const prefixes = problems.map(({ id }) => prefixesOf(Array.from(marks.get(id)!, Number)));
  return { problems, horizon, prefixes, likelihoods };
}
