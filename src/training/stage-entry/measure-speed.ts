import { createAlgorithm } from '../../algorithms/algorithm.ts';
import { ConfigError } from '../../core/errors.ts';
import { hashKey } from '../../core/rng.ts';
import { writtenTokens } from '../../core/rollout.ts';
import { createUniform } from '../../curriculum/samplers/uniform.ts';
import { noTrials } from '../../difficulty/pass-rates/trials.ts';
import { type History, historyOf, type MeasuredStep } from '../../planning/history.ts';
import { resolvedStages } from '../../recipe/resolve-stage.ts';
import { sum } from '../../statistics/summary.ts';
import { type LiveStage, rollBatch } from '../step/collect-batch.ts';
import { learnFrom } from '../step/learn.ts';
import type { TrainingParts } from '../training-context.ts';

/** Maximum number of steps; the first one warms up the engine and does not count. */
const mostSteps = 6;
/** No step begins after this time, in milliseconds. */
const longestMs = 30_000;

/**
 * Measures the speed of a recipe with a few steps of its first stage, without gates and with problems drawn uniformly
 * from all problems. Changes the weights of the engine and records nothing, so dispose of the parts afterwards.
 *
 * @throws ConfigError if the recipe has no stage that samples, or if it has an environment.
 */
export async function measureSpeed(
  parts: TrainingParts,
  { signal, onProgress }: { readonly signal: AbortSignal; onProgress(done: number, total: number): void },
): Promise<History> {
  const { recipe, engine } = parts;
  const stage = liveStage(parts);
  const steps: MeasuredStep[] = [];
  const began = performance.now();
  for (let step = 1; step <= mostSteps && (step === 1 || performance.now() - began < longestMs); step++) {
    const started = performance.now();
    const moment = { step, stepInStage: step - 1, seed: hashKey(recipe.seed, 'speed') };
    const { groups, admitted } = await rollBatch(parts, stage, moment, signal);
    const rolled = performance.now();
    await learnFrom(engine, stage, admitted, { step, lastStep: mostSteps });
    const rollouts = groups.flatMap((group) => group.rollouts);
    steps.push({
      tokens: sum(rollouts.map(writtenTokens)),
      rollouts: rollouts.length,
      rolloutSeconds: (rolled - started) / 1000,
      learnSeconds: (performance.now() - rolled) / 1000,
    });
    onProgress(step, mostSteps);
  }
  const counted = steps.length > 1 ? steps.slice(1) : steps;
  return historyOf(counted, `${counted.length === 1 ? 'a step' : `${counted.length} steps`} made just now`);
}

function liveStage({ recipe, problems, environmentOf }: TrainingParts): LiveStage {
  const [settings] = resolvedStages(recipe);
  if (settings === undefined || problems.some((problem) => environmentOf?.(problem) !== undefined))
    throw new ConfigError(
      `--calibrate: expected a stage that samples in one turn, got ${settings === undefined ? 'none' : 'an environment'}`,
      { tryNext: 'gradus plan <recipe>, with a folder of earlier runs as --history' },
    );
  const pool = problems.map(({ id, domain, source }) => ({
    id,
    domain,
    source,
    levels: [],
    measured: noTrials,
  }));
  return {
    settings: { ...settings, config: { ...settings.config, mix: undefined, starts: undefined } },
    algorithm: createAlgorithm(settings.algorithm),
    problems: new Map(problems.map((problem) => [problem.id, problem])),
    levels: new Map(),
    sampler: createUniform(pool, hashKey(recipe.seed, 'speed')),
    gates: [],
  };
}
