import type { Problem } from '../core/problem.ts';
import type { Engine } from '../engines/engine.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { SuiteConfig } from '../recipe/suite.ts';

/** The parts of a run that a plan depends on. */
export interface PlannedParts {
  readonly recipe: Recipe;
  readonly engine: Pick<Engine, 'sampler' | 'renderer'>;
  readonly problems: readonly Problem[];
  readonly suites: readonly { readonly config: SuiteConfig; readonly problems: readonly Problem[] }[];
}
