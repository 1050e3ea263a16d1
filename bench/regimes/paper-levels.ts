import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { passRate, passRateConfig } from '../../src/difficulty/probing/pass-rate.ts';
import { estimateDifficulty } from '../../src/measuring/estimate-difficulty.ts';
import type { Recipe } from '../../src/recipe/recipe.ts';
import { openRunReader } from '../../src/runs/reading/run-reader.ts';
import { checkpoints } from '../../src/runs/writing/checkpoint.ts';
import { startTraining } from '../../src/training/start.ts';

const rollouts = 4;

/**
 * The paper's models of rising strength: the base model, and the same model after 48 and 144 steps of uniform sampling
 * on other problems of the same families.
 */
export const levelModels = [
  { label: 'small', steps: 0 },
  { label: 'medium', steps: 48 },
  { label: 'large', steps: 144 },
] as const;

/** Training steps of the strongest of `levelModels`. */
export const longestTraining = 144;

/** Returns the path of the pass rates of one of `levelModels`, relative to the repository. */
export const levelStore = (label: string): string => `runs/bench-regimes/levels/${label}.sqlite`;

/**
 * Measures the pass rates that the paper's levels depend on, unless their stores exist.
 *
 * @param measured recipe with the problems and verifiers of the pool.
 * @param trained recipe that trains the stronger models, for `longestTraining` steps.
 */
export async function makeLevelStores(measured: Recipe, trained: Recipe): Promise<void> {
  const missing = levelModels.filter(({ label }) => !existsSync(levelStore(label)));
  if (missing.length === 0) return;
  const base = trained.policy.model;
  const work = join(dirname(levelStore('small')), `${process.pid}`);
  await mkdir(work, { recursive: true });
  const run = await startTraining(
    {
      ...trained,
      evaluation: [],
      checkpoints: { ...checkpoints({ everySteps: 48, keepLast: 9 }), keepStageEnds: true, keepBest: false },
    } as Recipe,
    work,
  );
  using reader = await openRunReader(run);
  const states = new Map(reader.checkpoints().map(({ step, engineState }) => [step, engineState]));
  const difficulty = passRateConfig.parse(passRate({ rollouts, maxTokens: 32 }));
  for (const { label, steps } of missing) {
    const draft = join(work, `${label}.sqlite`);
    const state = steps === 0 ? {} : { state: states.get(steps)!, run: reader.summary().id };
    const source = { folder: resolve(measured.baseDir!, base), ...state };
    await estimateDifficulty({ ...measured, difficulty }, { source, store: draft });
    await rename(draft, levelStore(label));
  }
  await rm(work, { recursive: true });
}
