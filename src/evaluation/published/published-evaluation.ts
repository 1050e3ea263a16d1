import { findPublishedSuite, publishedSuite, publishedVerifiers } from './published-suites.ts';
import { parseConfig } from '../../recipe/parse-config.ts';
import { applyOverrides } from '../../recipe/overrides.ts';
import { recipeConfig } from '../../recipe/recipe.ts';
import type { EvaluationRecipe } from '../evaluate-model.ts';

const policy = recipeConfig.shape.policy.pick({ engine: true });
const config = recipeConfig
  .pick({ name: true, seed: true, verifiers: true, evaluation: true, baseDir: true })
  .extend({ policy: policy.prefault({}) });

/** Options for evaluating published suites. */
export interface PublishedEvaluation {
  /** Recipe from which to take the engine and the seed; default: the embedded engine and seed 0. */
  readonly like?: Pick<EvaluationRecipe, 'policy' | 'seed'> | undefined;
  /** Maps a suite to the path or address from which to read its problems instead. */
  readonly data?: Readonly<Record<string, string>>;
  /** Assignments in the syntax of `--set`: `policy.engine.type=torch`, `evaluation[0].rollouts=1`. */
  readonly set?: readonly string[];
}

/**
 * Builds the part of a recipe that evaluates published suites.
 *
 * @throws ConfigError if a suite is unknown or an assignment is invalid.
 */
export function publishedEvaluation(
  names: readonly string[],
  { like, data = {}, set = [] }: PublishedEvaluation = {},
): EvaluationRecipe {
  const dataOf = new Map(Object.entries(data).map(([name, path]) => [findPublishedSuite(name)?.name, path]));
  const evaluation = names.map((name) => {
    const path = dataOf.get(findPublishedSuite(name)?.name);
    return publishedSuite(name, path === undefined ? {} : { data: path });
  });
  const input = {
    name: 'published-suites',
    verifiers: publishedVerifiers,
    evaluation,
    baseDir: '.',
    ...(like === undefined ? {} : { seed: like.seed, policy: { engine: like.policy.engine } }),
  };
  return parseConfig(config, applyOverrides(input, set), `suites ${names.join(', ')}`);
}
