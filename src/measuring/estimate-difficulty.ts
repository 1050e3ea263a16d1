import { ConfigError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type { SourceRecord } from '../core/source-record.ts';
import { describePlan, type AttemptPlan } from '../difficulty/probing/attempt-plan.ts';
import { openPassRateStore } from '../difficulty/pass-rates/sqlite-store.ts';
import type { Spending } from '../core/spending.ts';
import type { PassRates } from '../difficulty/pass-rates/trials.ts';
import type { Engine } from '../engines/engine.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { openAnswering } from '../environments/open-environments.ts';
import { withEnvironments } from '../rollout/roll-groups.ts';
import { openVerifiers } from '../verifiers/open-verifiers.ts';
import { type LoadingOptions, loadSources } from '../problems/load-problems.ts';
import { measurePassRates } from './measure.ts';
import { readKnownPassRates } from './known-pass-rates.ts';
import { noteSpending } from './note-spending.ts';
import { templateOf } from './observation.ts';
import { priorKnowledge } from './prior-knowledge.ts';
import { type ModelSource, openModel, policyEngine } from '../models/open-model.ts';
import { requireReplies } from '../models/check-replies.ts';
import { requireRoom } from '../models/check-prompt-length.ts';

/** Options of a measurement. */
export interface EstimateOptions {
  /** The model that makes the attempts. */
  readonly source: ModelSource;
  /** File of the pass-rate store; created if missing. */
  readonly store: string;
  /** Measure only the first `limit` problems. */
  readonly limit?: number | undefined;
  readonly onPlan?: (plan: PlannedMeasurement) => void;
  readonly onDownload?: LoadingOptions['onDownload'];
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** The next attempts planned for the problems of one verifier. */
export interface PlannedMeasurement {
  readonly verifier: string;
  readonly rollouts: number;
  /** Maximum number of attempts that may follow. */
  readonly laterAtMost: number;
  /** Number of problems that need no further attempts. */
  readonly finished: number;
  /** The plan as text for the terminal. */
  readonly text: string;
}

/** Result of a measurement. */
export interface MeasuredProblems {
  /** Name of the model in the store. */
  readonly model: string;
  readonly problems: readonly Problem[];
  /** Trials by problem id. */
  readonly passRates: PassRates;
  /** The files from which the problems were read; the store records them too. */
  readonly sources: readonly SourceRecord[];
  /** Total spending on a model server by all commands so far; absent for other engines. */
  readonly spending?: Spending;
}

/**
 * Measures how hard each problem of a recipe is for a model, with the recipe's `difficulty` settings, and records the
 * attempts in a store. Recorded attempts are not repeated, and an interrupted measurement continues where it stopped.
 *
 * @throws {ConfigError} if the recipe has no `difficulty`.
 */
export async function estimateDifficulty(
  recipe: Recipe,
  options: EstimateOptions,
): Promise<MeasuredProblems> {
  const { difficulty: settings } = recipe;
  if (settings === undefined) {
    throw new ConfigError(
      `recipe '${recipe.name}': expected "difficulty", the settings for measuring pass rates, got none; ` +
        'add difficulty: passRate({ rollouts: 8, maxTokens: … })',
    );
  }
  await using opened = new AsyncDisposableStack();
  const verifierFor = openVerifiers(recipe, opened);
  const { environments } = withEnvironments({ environments: await openAnswering(recipe, opened) }, settings);
  const { problems: all, records: sources } = await loadSources(recipe.problems, recipe, {
    onDownload: options.onDownload,
    signal: options.signal,
  });
  const problems = all.slice(0, options.limit);
  for (const problem of problems) verifierFor(problem).check(problem);
  const engine = opened.use(await openModel(options.source, policyEngine(recipe)));
  requireRoom(engine, problems);
  requireReplies(
    engine,
    problems.map((problem) => environments?.of(problem)),
  );
  const store = opened.use(openPassRateStore(options.store));
  store.recordSources(sources);
  const model = nameOf(engine, options.source);
  const noting = noteSpending(store, model, engine.sampler);
  // Discarded answers and probe requests cost money too.
  opened.defer(noting.note);
  const { onPlan, onProgress } = options;
  const planned = new Set<string>();
  const features = await priorKnowledge(
    { engine, store },
    settings,
    readKnownPassRates(recipe, problems),
    { problems, model, ...templateOf(engine) },
    options.signal,
  );
  const passRates = await measurePassRates(
    { engine, verifierFor, environments, store: noting },
    {
      problems,
      settings,
      model,
      ...templateOf(engine),
      ...(features && { features }),
      source: { type: 'base' },
      step: 0,
      seed: recipe.seed,
      onPlan: (plan, verifier) => {
        // Report an empty plan only if it comes first: everything was already on record.
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

/**
 * Returns the name of a model in the store. A trained policy without its own hash is named by base model, policy
 * version and run.
 */
export function nameOf({ sampler, weights }: Engine, { run }: ModelSource): string {
  const { modelHash } = sampler.info;
  const updates = weights?.policyVersion ?? 0;
  return updates === 0 ? modelHash : `${modelHash}+${updates}${run === undefined ? '' : `@${run}`}`;
}
