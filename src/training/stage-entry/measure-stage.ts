import type * as z from 'zod';
import type { Problem } from '../../core/problem.ts';
import type { StageConfig } from '../../curriculum/stage.ts';
import { type passRateConfig, readTrials } from '../../difficulty/probing/pass-rate.ts';
import type { PassRates } from '../../difficulty/pass-rates/trials.ts';
import { resolveStage } from '../../recipe/resolve-stage.ts';
import { measurePassRates, type MeasureRequest } from '../../measuring/measure.ts';
import { templateOf } from '../../measuring/observation.ts';
import { priorKnowledge } from '../../measuring/prior-knowledge.ts';
import { withEnvironments } from '../../rollout/roll-groups.ts';
import type { TrainingContext } from '../training-context.ts';

/**
 * Measures all problems as the recipe's `difficulty` defines, with the policy at the start of the first stage that
 * needs pass rates. This is the base model, unless earlier stages have trained it. Reuses recorded trials.
 *
 * @param index index of that first stage in the recipe.
 */
export async function measureFirst(
  context: TrainingContext,
  settings: z.output<typeof passRateConfig>,
  index: number,
): Promise<PassRates> {
  const { problems, knownPassRates, engine, signal } = context;
  const { modelHash } = engine.sampler.info;
  const model = index === 0 ? modelHash : `${modelHash} at stage ${index}`;
  const named = { model, ...templateOf(engine) };
  const request = { problems, ...named, isComplete: isPast(context, index) };
  const features = await priorKnowledge(context, settings, knownPassRates, request, signal);
  const how = features === undefined ? {} : { features };
  const answered = withEnvironments(context, settings);
  return readTrials(settings, await measureWith(answered, index, problems, settings, how));
}

/** Measures all problems with the base model in one turn, without environments; reuses recorded trials. */
export async function measureClosedBook(
  context: TrainingContext,
  settings: z.output<typeof passRateConfig>,
): Promise<PassRates> {
  const alone = { ...context, environments: undefined };
  return readTrials(settings, await measureWith(alone, 0, context.problems, settings));
}

/** Measures problems with the policy at the start of a stage; reuses recorded trials. */
export function measureAt(
  context: TrainingContext,
  index: number,
  problems: readonly Problem[],
  stage: StageConfig,
  { rollouts, ...how }: { readonly rollouts: number } & Pick<MeasureRequest, 'plan'>,
): Promise<PassRates> {
  const { recipe } = context;
  const fixed = { rollouts, screening: null, probing: { type: 'fixed' } } as const;
  const { sampling } = resolveStage(recipe, stage);
  const settings = { ...recipe.difficulty!, ...fixed, ...sampling };
  return measureWith(withEnvironments(context, stage), index, problems, settings, how);
}

/**
 * Returns true if training has already changed the base model; all attempts of the base model must then be
 * recorded.
 */
const isPast = ({ run, engine }: TrainingContext, index: number): boolean =>
  index === 0 && (run.step > 0 || engine.weights.policyVersion > 0);

function measureWith(
  context: TrainingContext,
  index: number,
  problems: readonly Problem[],
  settings: z.output<typeof passRateConfig>,
  how: Pick<MeasureRequest, 'features' | 'plan'> = {},
): Promise<PassRates> {
  const { recipe, run, engine, verifierFor, environments, pending, store, report, signal } = context;
  const { name: stage } = recipe.stages[index]!;
  return measurePassRates(
    { engine, verifierFor, environments, pending, store },
    {
      ...how,
      problems,
      settings,
      isComplete: isPast(context, index),
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
