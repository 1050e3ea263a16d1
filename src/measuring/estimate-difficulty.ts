import { ConfigError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type { SourceRecord } from '../core/source-record.ts';
import { describePlan, type AttemptPlan } from '../difficulty/probing/attempt-plan.ts';
import { openPassRateStore } from '../difficulty/pass-rates/sqlite-store.ts';
import type { Spending } from '../core/spending.ts';
import type { PassRates } from '../difficulty/pass-rates/trials.ts';
import type { Engine } from '../engines/engine.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { openVerifiers } from '../verifiers/open-verifiers.ts';
import { type LoadingOptions, loadSources } from '../problems/load-problems.ts';
import { measurePassRates } from './measure.ts';
import { readKnownPassRates } from './known-pass-rates.ts';
import { noteSpending } from './note-spending.ts';
import { priorKnowledge, templateOf } from './observation.ts';
import { type ModelSource, openModel, policyEngine } from '../models/open-model.ts';
import { requireRoom } from '../models/prompt-room.ts';

/** What to measure where, who watches and who may stop it. */
export interface EstimateOptions {
  /** The model that tries. */
  readonly source: ModelSource;
  /** The pass-rate store's file; made where there is none. */
  readonly store: string;
  /** Only the first so many problems. */
  readonly limit?: number | undefined;
  readonly onPlan?: (plan: PlannedMeasurement) => void;
  readonly onDownload?: LoadingOptions['onDownload'];
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** What is about to be asked of one verifier's problems. */
export interface PlannedMeasurement {
  readonly verifier: string;
  readonly rollouts: number;
  /** Most attempts that may follow after these. */
  readonly laterAtMost: number;
  /** Problems that need nothing more. */
  readonly finished: number;
  /** The same in words. */
  readonly text: string;
}

/** What was found, by problem. */
export interface MeasuredProblems {
  /** The model as the store names it. */
  readonly model: string;
  readonly problems: readonly Problem[];
  /** Successes and trials by problem id. */
  readonly passRates: PassRates;
  /** The files that the problems were read from; the store notes them too. */
  readonly sources: readonly SourceRecord[];
  /** What a model server was asked for, in all commands together; absent for engines of other kinds. */
  readonly spending?: Spending;
}

/**
 * Measures how hard each problem of a recipe is for a model, with the recipe's `difficulty` settings, into a store.
 * What the store holds already is not asked again; an interrupted measurement goes on where it stopped.
 *
 * @throws ConfigError when the recipe does not say how pass rates are measured.
 */
export async function estimateDifficulty(
  recipe: Recipe,
  options: EstimateOptions,
): Promise<MeasuredProblems> {
  const { difficulty: settings } = recipe;
  if (settings === undefined) {
    throw new ConfigError(
      `recipe '${recipe.name}': expected "difficulty" to say how pass rates are measured, got nothing; ` +
        'add difficulty: passRate({ rollouts: 8, maxTokens: … })',
    );
  }
  await using opened = new AsyncDisposableStack();
  const verifierFor = openVerifiers(recipe, opened);
  const { problems: all, records: sources } = await loadSources(recipe.problems, recipe, {
    onDownload: options.onDownload,
    signal: options.signal,
  });
  const problems = all.slice(0, options.limit);
  for (const problem of problems) verifierFor(problem).check(problem);
  const engine = opened.use(await openModel(options.source, policyEngine(recipe)));
  requireRoom(engine, problems);
  const store = opened.use(openPassRateStore(options.store));
  store.recordSources(sources);
  const model = nameOf(engine, options.source);
  const noting = noteSpending(store, model, engine.sampler);
  // Answers that were thrown away, and small requests to find out what there is, were paid for too.
  opened.defer(noting.note);
  const { onPlan, onProgress } = options;
  const planned = new Set<string>();
  const passRates = await measurePassRates(
    { engine, verifierFor, store: noting },
    {
      problems,
      settings,
      model,
      ...templateOf(engine),
      features: priorKnowledge(problems, readKnownPassRates(recipe, problems)),
      source: { type: 'base' },
      step: 0,
      seed: recipe.seed,
      onPlan: (plan, verifier) => {
        // The empty plan at the end says nothing new, the empty plan at the beginning does.
        if (plan.rollouts > 0 || !planned.has(verifier)) onPlan?.(describe(plan, verifier));
        planned.add(verifier);
      },
      ...(onProgress === undefined ? {} : { onProgress }),
    },
    options.signal,
  );
  noting.note();
  return {
    model,
    problems,
    passRates,
    sources,
    ...(engine.sampler.spending && { spending: store.spending(model) }),
  };
}

function describe(plan: AttemptPlan, verifier: string): PlannedMeasurement {
  const { rollouts, laterAtMost, finished } = plan;
  return { verifier, rollouts, laterAtMost, finished, text: `${verifier}: ${describePlan(plan)}` };
}

/** A trained policy without a hash of its own is its base model and the updates that its run made. */
function nameOf({ sampler, weights }: Engine, { run }: ModelSource): string {
  const { modelHash } = sampler.info;
  const updates = weights?.policyVersion ?? 0;
  return updates === 0 ? modelHash : `${modelHash}+${updates}${run === undefined ? '' : `@${run}`}`;
}
