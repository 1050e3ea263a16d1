import { resolve } from 'node:path';
import { ConfigError } from '../../src/core/errors.ts';
import { recipeFile } from '../../src/runs/files/recipe-file.ts';
import { defineRecipe } from '../../src/recipe/define-recipe.ts';
import type { Recipe } from '../../src/recipe/recipe.ts';
import { checkpoints } from '../../src/runs/writing/checkpoint.ts';
import { suite } from '../../src/recipe/suite.ts';
import { customVerifier } from '../../src/verifiers/custom/custom.ts';
import demo from '../../recipes/demo/recipe.ts';
import type { Arm } from './arm.ts';
import { evaluationSpacing } from './compare.ts';
import type { Row } from './rows.ts';

const groupSize = 8;
/** Rollouts per problem for measuring a pool before each of the two stages of `staged`. */
const measuredRollouts = 4;
const root = resolve(import.meta.dirname, '../..');

/** Returns the folder of a row's model, relative to the repository. */
export const modelOf = (model: Row['model']): string =>
  model === undefined ? 'models/gradus-tiny' : `runs/bench-regimes/models/${model}`;

/** Returns the rollouts charged to the budget for each rollout of the run: two if a second model is trained beside
 * it. */
export const rolloutCost = ({ domain }: Arm): number => (domain === undefined ? 1 : 2);

/**
 * Returns the recipe of an arm in a row, with the demo's model, algorithm and optimizer, the row's problems and
 * verifiers, and as many steps as the budget allows after measuring.
 *
 * @throws ConfigError when measuring leaves less than half of the budget.
 */
export function recipeOf(row: Row, arm: Arm, seed: number): Recipe {
  const { problemsPerStep = 32 } = arm;
  const rolloutsPerStep = problemsPerStep * groupSize * rolloutCost(arm);
  const problems = row
    .problems(seed)
    .filter(({ domain }) => arm.domain === undefined || domain === arm.domain)
    .map((source) => (arm.knobs === undefined ? source : { ...source, knobs: [...arm.knobs] }));
  const pool = problems.reduce((sum, { count }) => sum + count!, 0);
  const isMeasured = arm.settings?.difficulty !== undefined && arm.isMeasuringFree !== true;
  const measuring = isMeasured ? 2 * pool * measuredRollouts : 0;
  const steps = Math.floor((row.budget - measuring) / rolloutsPerStep);
  if (measuring > row.budget / 2) {
    throw new ConfigError(
      `arm ${arm.letter} in row ${row.id}: expected measuring to leave half of the ${row.budget} rollouts, but it takes ` +
        `${measuring}; choose the rows R1-long or the arm staged-free`,
    );
  }
  return defineRecipe({
    ...demo,
    difficulty: undefined,
    levels: [],
    ...arm.settings,
    name: 'regime',
    baseDir: root,
    seed,
    policy: { model: modelOf(row.model) },
    problems,
    verifiers: verifiersOf(row, seed),
    batch: { problems: problemsPerStep, groupSize },
    // Keep only the checkpoint at the end of a stage, because runs are not resumed.
    checkpoints: checkpoints({ everySteps: 100_000 }),
    stages: arm.stages(row, steps),
    evaluation: [
      {
        ...suite({ name: 'held-out', maxTokens: demo.sampling!.maxTokens, rollouts: 2, greedy: false }),
        every: arm.every ?? evaluationSpacing / rolloutsPerStep,
        problems: row.heldOut,
      },
    ],
  });
}

function verifiersOf({ trap }: Row, seed: number): Recipe['verifiers'] {
  if (trap === undefined) return demo.verifiers;
  const module = 'bench/regimes/trap-verifier.ts';
  return Object.fromEntries(
    Object.entries(demo.verifiers).map(([domain, truth]) => {
      const options = JSON.parse(JSON.stringify({ truth, seed, ...trap }));
      return [domain, { ...customVerifier({ module, options }), workers: 0, maxTime: '60s' }];
    }),
  ) as Recipe['verifiers'];
}

/** Settings added to recipes after the first results, each with the value at which it changes nothing. */
const laterDefaults = {
  algorithm: { advantages: 'episode' },
  batch: { wordings: 1, source: { type: 'in-step' } },
  stage: { reference: 'run' },
};

/**
 * Returns a hash of everything in an arm's recipe that can change its result; it is the same in every checkout. Leaves
 * out the description, empty lists and objects, and `laterDefaults`, so that a new setting of recipes keeps the keys of
 * finished runs.
 */
export function configOf(recipe: Recipe, { version = 0 }: Arm): string {
  const { baseDir: _baseDir, description: _description, algorithm, batch, stages, ...portable } = recipe;
  const isEmpty = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  const older = {
    ...portable,
    ...(algorithm !== undefined && { algorithm: without(algorithm, laterDefaults.algorithm) }),
    batch: without(batch, laterDefaults.batch),
    stages: stages.map((stage) => without(stage, laterDefaults.stage)),
  };
  const set = Object.entries({ ...older, ...(version === 0 ? {} : { version }) });
  return recipeFile(Object.fromEntries(set.filter(([, value]) => !isEmpty(value)))).hash.slice(0, 16);
}

function without(settings: object, defaults: Readonly<Record<string, unknown>>): object {
  const isDefault = ([key, value]: [string, unknown]): boolean =>
    key in defaults && JSON.stringify(value) === JSON.stringify(defaults[key]);
  return Object.fromEntries(Object.entries(settings).filter((entry) => !isDefault(entry)));
}
