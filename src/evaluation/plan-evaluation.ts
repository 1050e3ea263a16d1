import { existsSync } from 'node:fs';
import { ConfigError } from '../core/errors.ts';
import { findPublishedSuite } from './published/published-suites.ts';
import { isServed } from '../engines/config.ts';
import { isHubAddress } from '../hub/address.ts';
import { loadRecipe } from '../recipe/load.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { requireTrust, type TrustOptions } from '../recipe/trust.ts';
import type { EvaluationRecipe } from './evaluate-model.ts';
import { locateModel, type ModelSource } from '../models/open-model.ts';
import { publishedEvaluation } from './published/published-evaluation.ts';

/** Options of `planEvaluation`. */
export interface EvaluationRequest extends TrustOptions {
  /** A recipe file. Default: the recipe of the run. */
  readonly recipe?: string;
  /** Names of the recipe's suites or of published suites; empty: all suites of the recipe. */
  readonly suites: readonly string[];
  /** Maps a published suite to the path or address from which to read its problems instead. */
  readonly suiteData?: Readonly<Record<string, string>>;
  /** `--set` assignments for the recipe file, or for the published suites if there is no file. */
  readonly set: readonly string[];
}

/** The model, and the suites to evaluate, grouped by recipe. */
export interface EvaluationPlan {
  readonly source: ModelSource;
  /** First the recipe's suites, then the published suites, which use their own verifiers. */
  readonly parts: readonly { readonly recipe: EvaluationRecipe; readonly only: readonly string[] }[];
}

/**
 * Resolves the model and the suites. A name in the recipe takes precedence over a published suite; published suites
 * are sampled with the recipe's engine and seed.
 *
 * @param model a folder, a run, or, for a model server, the name of the model on the server.
 * @throws ConfigError if neither a recipe nor a published suite is named, or if a suite is unknown.
 */
export async function planEvaluation(model: string, request: EvaluationRequest): Promise<EvaluationPlan> {
  const { suites, suiteData: data = {}, set } = request;
  const named = request.recipe === undefined ? undefined : await loadRecipe(request.recipe, set);
  const isThere =
    !(named !== undefined && isServed(named.policy.engine)) && (existsSync(model) || isHubAddress(model));
  const found = isThere ? await locateModel(model, request) : undefined;
  if (named === undefined && found?.stored !== undefined)
    await requireTrust(model, found.stored, ['engine', 'problems', 'verifiers', 'environments'], request);
  const base = named ?? found?.recipe;
  const isOwn = (name: string): boolean =>
    base?.evaluation.some((suite) => suite.name === name) === true ||
    (base !== undefined && findPublishedSuite(name) === undefined);
  const own = suites.filter(isOwn);
  const published = suites.filter((name) => !isOwn(name));
  const parts: { recipe: EvaluationRecipe; only: readonly string[] }[] = [];
  if (own.length > 0 || published.length === 0)
    parts.push({ recipe: ownRecipe(model, named, base, set), only: own });
  if (published.length > 0) {
    parts.push({
      recipe: publishedEvaluation(published, { like: base, data, set: named ? [] : set }),
      only: [],
    });
  }
  const isAsked = parts.every(({ recipe }) => isServed(recipe.policy.engine));
  return { source: isAsked ? { folder: model } : (found ?? (await locateModel(model, request))), parts };
}

/** Resolves the recipe whose own suites are evaluated. */
function ownRecipe(
  model: string,
  named: Recipe | undefined,
  base: Recipe | undefined,
  set: readonly string[],
): Recipe {
  if (base === undefined && /\.(?:ts|mts|js|mjs|toml|json)$/.test(model)) {
    throw new ConfigError(`${model}: expected a model folder or a run, got a recipe file`, {
      tryNext: `gradus eval <model> --recipe ${model}`,
    });
  }
  if (base === undefined) {
    throw new ConfigError(
      `${model}: a model folder contains no suites; name a recipe with suites, or a published suite`,
      { tryNext: `gradus eval ${model} --suite math500` },
    );
  }
  if (named !== undefined || set.length === 0) return base;
  throw new ConfigError("--set changes a recipe file; a run's own recipe cannot be changed", {
    tryNext: `gradus eval ${model} --recipe <recipe> --set ${set[0]}`,
  });
}
