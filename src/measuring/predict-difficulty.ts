import type * as z from 'zod';
import { ConfigError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { currentLikelihoods, likelihoodVersion } from '../difficulty/probing/likelihood.ts';
import type { PassRateReader, RecordedLikelihood } from '../difficulty/pass-rates/pass-rate-store.ts';
import { openPassRateStore } from '../difficulty/pass-rates/sqlite-store.ts';
import type { PassRates, Trials } from '../difficulty/pass-rates/trials.ts';
import type { passRateConfig } from '../difficulty/probing/pass-rate.ts';
import { type PredictedDifficulty, predictPassRates } from '../difficulty/probing/predict.ts';
import type { Engine } from '../engines/engine.ts';
import { requireRoom } from '../models/check-prompt-length.ts';
import { openModel, policyEngine } from '../models/open-model.ts';
import { loadSources } from '../problems/load-problems.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { openVerifiers } from '../verifiers/open-verifiers.ts';
import { verifierLabel } from '../verifiers/verifier.ts';
import { type EstimateOptions, nameOf } from './estimate-difficulty.ts';
import { readKnownPassRates } from './known-pass-rates.ts';
import { samplingOf } from './measure.ts';
import { measureLikelihoods } from './measure-likelihoods.ts';
import { editionsOf, templateOf } from './observation.ts';
import { collectFeatures } from './prior-knowledge.ts';

/** Options of a prediction: those of `estimateDifficulty`, without a plan of attempts. */
export type PredictOptions = Omit<EstimateOptions, 'onPlan'>;

/** Predicted difficulty of a recipe's problems, with the evidence behind it. */
export interface PredictedProblems extends PredictedDifficulty {
  /** Name of the model in the store. */
  readonly model: string;
  readonly problems: readonly Problem[];
  /** Likelihoods on record, by problem id. */
  readonly likelihoods: ReadonlyMap<string, readonly RecordedLikelihood[]>;
  /** Trials on record, by problem id. */
  readonly passRates: PassRates;
}

/**
 * Predicts how hard each problem of a recipe is for a model, without sampling: computes the log-likelihoods that the
 * store lacks, and calibrates them on the problems for which the store has trials.
 *
 * @throws {ConfigError} if the recipe has no `difficulty`, or the engine has no local weights.
 */
export async function predictDifficulty(recipe: Recipe, options: PredictOptions): Promise<PredictedProblems> {
  const { difficulty: settings } = recipe;
  if (settings === undefined) {
    throw new ConfigError(
      `recipe '${recipe.name}': expected "difficulty", the sampling settings for which to predict pass rates, got none; ` +
        'add difficulty: passRate({ rollouts: 8, maxTokens: … })',
    );
  }
  await using opened = new AsyncDisposableStack();
  const verifierFor = openVerifiers(recipe, opened);
  const { onDownload, onProgress, signal } = options;
  const loaded = await loadSources(recipe.problems, recipe, { onDownload, signal });
  const problems = loaded.problems.slice(0, options.limit);
  const engine = opened.use(await openModel(options.source, policyEngine(recipe)));
  requireRoom(engine, problems);
  const store = opened.use(openPassRateStore(options.store));
  const model = nameOf(engine, options.source);
  const request = { problems, model, ...templateOf(engine), ...(onProgress && { onProgress }) };
  const values = await measureLikelihoods({ engine, store }, request, signal);
  const labels = new Set(problems.map((problem) => verifierLabel(verifierFor(problem))));
  const passRates = recordedPassRates(store, { engine, model, problems, settings, labels });
  const features = collectFeatures(
    problems,
    ['likelihood', 'stated', 'known'],
    readKnownPassRates(recipe, problems),
    values,
  );
  const scoring = { model, ...templateOf(engine), version: likelihoodVersion };
  return {
    model,
    problems,
    passRates,
    likelihoods: currentLikelihoods(problems, editionsOf(problems), store.likelihoods(scoring)),
    ...predictPassRates(
      problems.map(({ id }) => ({ id, ...features.get(id)! })),
      passRates,
      settings.confidence,
    ),
  };
}

/** Returns the model's recorded trials with the recipe's sampling and verifiers, at the problems' current edition. */
function recordedPassRates(
  store: PassRateReader,
  {
    engine,
    model,
    problems,
    settings,
    labels,
  }: {
    readonly engine: Engine;
    readonly model: string;
    readonly problems: readonly Problem[];
    readonly settings: z.output<typeof passRateConfig>;
    readonly labels: ReadonlySet<string>;
  },
): PassRates {
  const filter = { source: { type: 'base' }, editions: editionsOf(problems) } as const;
  const found = [...labels].flatMap((verifier): [string, Trials][] => {
    const conditions = { model, ...templateOf(engine), ...samplingOf(settings), verifier };
    return Array.from(store.passRates(conditions, filter), ([id, { successes, trials }]) => [
      id,
      { successes, trials },
    ]);
  });
  return new Map(found);
}
