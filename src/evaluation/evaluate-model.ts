import { ConfigError } from '../core/errors.ts';
import { evaluate, type Evaluation } from './evaluate.ts';
import { nearestKey } from '../recipe/parse-config.ts';
import type { Spending } from '../core/spending.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { openAnswering } from '../environments/open-environments.ts';
import { openVerifiers } from '../verifiers/open-verifiers.ts';
import { type LoadingOptions, loadSources } from '../problems/load-problems.ts';
import { suiteSeed } from '../recipe/suite.ts';
import { type ModelSource, openModel, policyEngine } from '../models/open-model.ts';
import { requireReplies } from '../models/check-replies.ts';
import { requireRoom } from '../models/check-prompt-length.ts';

/** The parts of a recipe that an evaluation needs. */
export interface EvaluationRecipe extends Pick<
  Recipe,
  'name' | 'seed' | 'verifiers' | 'evaluation' | 'baseDir'
> {
  readonly environments?: Recipe['environments'];
  readonly policy: Pick<Recipe['policy'], 'engine'>;
}

/** Callbacks and abort signal of an evaluation. */
export interface EvaluationWatch {
  readonly onProgress?: (suite: string, done: number, total: number) => void;
  readonly onDownload?: LoadingOptions['onDownload'];
  readonly onEvaluation?: (evaluation: Evaluation) => void;
  /** Called once at the end with the usage of a model server; not called for other engines. */
  readonly onSpending?: (spending: Spending) => void;
  readonly signal?: AbortSignal;
}

/**
 * Evaluates a model on the suites of a recipe exactly as a run of that recipe would: with the same problems, sampling
 * and random numbers, so that results can be paired.
 *
 * @param only names of the suites to evaluate; empty: all suites.
 * @throws ConfigError if the recipe has no suite with one of these names.
 */
export async function evaluateModel(
  source: ModelSource,
  recipe: EvaluationRecipe,
  only: readonly string[],
  { onProgress, onEvaluation, onDownload, onSpending, signal }: EvaluationWatch = {},
): Promise<Evaluation[]> {
  const suites = chooseSuites(recipe, only);
  await using opened = new AsyncDisposableStack();
  const verifierFor = openVerifiers(recipe, opened);
  const environments = await openAnswering(recipe, opened);
  const loaded = [];
  for (const suite of suites) {
    const { problems, records } = await loadSources(suite.problems, recipe, { onDownload, signal });
    for (const problem of problems) verifierFor(problem).check(problem);
    loaded.push({ suite, problems, sources: records });
  }
  const engine = opened.use(await openModel(source, policyEngine(recipe)));
  for (const { suite, problems } of loaded) {
    requireRoom(engine, problems);
    if (suite.closedBook !== true) requireReplies(engine, problems.map(environments.of));
  }
  const evaluations: Evaluation[] = [];
  for (const { suite, problems, sources } of loaded) {
    const evaluation = await evaluate({
      engine,
      verifierFor,
      environments,
      problems,
      sources,
      suite,
      seed: suiteSeed(recipe, suite),
      baseDir: recipe.baseDir,
      onProgress: (done, total) => onProgress?.(suite.name, done, total),
      signal,
    });
    evaluations.push(evaluation);
    onEvaluation?.(evaluation);
  }
  if (engine.sampler.spending !== undefined) onSpending?.(engine.sampler.spending.total());
  return evaluations;
}

function chooseSuites({ name, evaluation }: EvaluationRecipe, only: readonly string[]): Recipe['evaluation'] {
  const names = evaluation.map((suite) => suite.name);
  if (names.length === 0) {
    throw new ConfigError(`recipe '${name}': expected suites to evaluate on, got an empty "evaluation"`, {
      tryNext: 'add evaluation: [{ ...suite({ name: … }), problems: […] }] to the recipe',
    });
  }
  for (const wanted of only) {
    if (names.includes(wanted)) continue;
    const nearest = nearestKey(wanted, names);
    const hint = nearest === undefined ? `suites: ${names.join(', ')}` : `did you mean "${nearest}"?`;
    throw new ConfigError(`--suite ${wanted}: recipe '${name}' has no such suite; ${hint}`, {
      tryNext: 'gradus eval --list-suites',
    });
  }
  return only.length === 0 ? evaluation : evaluation.filter((suite) => only.includes(suite.name));
}
