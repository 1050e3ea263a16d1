import type * as z from 'zod';
import type { Problem } from '../../core/problem.ts';
import { type passRateConfig, readTrials } from '../../difficulty/probing/pass-rate.ts';
import type { PassRates } from '../../difficulty/pass-rates/trials.ts';
import { resolveStage } from '../../recipe/resolve-stage.ts';
import { measurePassRates, type MeasureRequest } from '../../measuring/measure.ts';
import { templateOf } from '../../measuring/observation.ts';
import { priorKnowledge } from '../../measuring/prior-knowledge.ts';
import { withEnvironments } from '../../rollout/roll-groups.ts';
import type { TrainingContext } from '../training-context.ts';

/** Measures all problems with the base model; reuses recorded trials. */
export async function measureBase(
  context: TrainingContext,
  settings: z.output<typeof passRateConfig>,
): Promise<PassRates> {
  const { problems, knownPassRates, engine, signal } = context;
  const named = { model: engine.sampler.info.modelHash, ...templateOf(engine) };
  const request = { problems, ...named, isComplete: engine.weights.policyVersion > 0 };
  const features = await priorKnowledge(context, settings, knownPassRates, request, signal);
  const how = features === undefined ? {} : { features };
  return readTrials(settings, await measureAt(context, 0, problems, settings.rollouts, how));
}

/** Measures all problems with the base model in one turn, without environments; reuses recorded trials. */
export async function measureClosedBook(
  context: TrainingContext,
  settings: z.output<typeof passRateConfig>,
): Promise<PassRates> {
  const { problems } = context;
  const alone = { ...context, environments: undefined };
  return readTrials(settings, await measureAt(alone, 0, problems, settings.rollouts));
}

/** Measures problems with the policy at the start of a stage; reuses recorded trials. */
export function measureAt(
  context: TrainingContext,
  index: number,
  problems: readonly Problem[],
  rollouts: number,
  how: Pick<MeasureRequest, 'features' | 'plan'> = {},
): Promise<PassRates> {
  const { recipe, run, engine, verifierFor, pending, store, report, signal } = context;
  const { name: stage } = recipe.stages[index]!;
  const settings = recipe.difficulty!;
  const { sampling } = resolveStage(recipe, recipe.stages[index]!);
  const fixed = { rollouts, screening: null, probing: { type: 'fixed' } } as const;
  const { environments } = withEnvironments(context, index === 0 ? settings : recipe.stages[index]!);
  return measurePassRates(
    { engine, verifierFor, environments, pending, store },
    {
      ...how,
      problems,
      settings: index === 0 ? settings : { ...settings, ...fixed, ...sampling },
      isComplete: index === 0 && engine.weights.policyVersion > 0,
      model: engine.sampler.info.modelHash,
      ...templateOf(engine),
      source: index === 0 ? { type: 'base' } : { type: 'boundary', stage: index },
      step: index === 0 ? 0 : run.step,
      seed: recipe.seed,
      onProgress: (done, total) => report({ type: 'measure', stage, done, total }),
    },
    signal,
  );
}
