import type { Problem } from '../core/problem.ts';
import type { Levels } from '../difficulty/levels/levels.ts';
import type { PassRates } from '../difficulty/pass-rates/trials.ts';
import type { Engine } from '../engines/engine.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { SuiteConfig } from '../recipe/suite.ts';

/** Parts of a run on which a plan depends. */
export interface PlannedParts {
  readonly recipe: Recipe;
  readonly engine: Pick<Engine, 'sampler' | 'renderer'>;
  readonly problems: readonly Problem[];
  readonly levels: Levels;
  /** Pass rates of other models: trials, by model label and problem id. */
  readonly knownPassRates: ReadonlyMap<string, PassRates>;
  readonly suites: readonly { readonly config: SuiteConfig; readonly problems: readonly Problem[] }[];
}
