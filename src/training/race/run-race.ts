import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from '../../core/errors.ts';
import { locateModel } from '../../models/open-model.ts';
import { parseConfig } from '../../recipe/parse-config.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import { writeFileAtomic } from '../../storage/atomic.ts';
import { makeFolder } from '../../storage/make-folder.ts';
import { readExamples } from '../../supervised/examples.ts';
import type { Measures } from '../../supervised/race/outcome.ts';
import { race, type RaceResult } from '../../supervised/race/race.ts';
import {
  type RaceConfig,
  raceConfig,
  rungMultiple,
  type Trial,
  trialsOf,
} from '../../supervised/race/race-config.ts';
import { planBatches } from '../../supervised/supervised.ts';
import { fineTuningRecipe, type FineTuneOptions } from '../stages/fine-tune.ts';
import type { TrainingWatch } from '../start.ts';
import { costOf, measure, type RaceCost, runOf, trialRunner } from './run-trials.ts';

/** Inputs of a race: examples and suites as for a single fine-tuning run, and the sweep. */
export interface RaceOptions extends Omit<
  FineTuneOptions,
  'name' | 'batchSize' | 'checkpointEvery' | 'maxSteps' | 'optimizer'
> {
  readonly optimizer: Omit<FineTuneOptions['optimizer'], 'learningRate' | 'schedule'>;
  readonly race: RaceConfig;
  /** Folder for the race: a new folder, or that of an earlier race with the same settings. */
  readonly folder: string;
}

/** Accuracies that a race can maximise. */
export const raceMeasures = raceConfig.shape.choose.unwrap().options;

/**
 * Checks the settings of a race and fills in defaults.
 * @throws ConfigError naming the invalid setting.
 */
export const parseRace = (settings: object): RaceConfig => parseConfig(raceConfig, settings, 'the race');

/** Result of a race. */
export interface RaceReport extends RaceResult, RaceCost {
  readonly folder: string;
  readonly choose: RaceConfig['choose'];
  /** Accuracies of the model before training. */
  readonly base: Measures;
  /** Directory of the chosen trial's run. */
  readonly run: string;
}

/**
 * Races settings of supervised learning; see `race`. Repeating the call continues an interrupted race. Also writes the
 * result to `<folder>/report.json`.
 *
 * @throws ConfigError if suites or held-out examples are missing, the folder contains a different race, or a setting is
 * invalid.
 */
export async function runRace(options: RaceOptions, watch: TrainingWatch = {}): Promise<RaceReport> {
  const { race: config, folder, ...settings } = options;
  requireMeasures(options);
  const trials = trialsOf(config.sweep);
  const steps = await stepCounts(options, trials);
  const [firstShare] = config.rungs as [number, ...number[]];
  /**
   * Returns the number of steps to the first rung. The other rungs and the held-out losses are at multiples of this
   * number.
   */
  const unit = ({ name }: Trial): number => Math.max(1, Math.round(firstShare * steps.get(name)!));
  const recipes = new Map<string, Recipe>();
  for (const trial of trials) recipes.set(trial.name, await recipeOf(options, trial, unit(trial)));
  const parts = {
    folder,
    suites: recipes.get(trials[0]!.name)!,
    recipeOf: ({ name }: Trial): Recipe => ({ ...recipes.get(name)!, evaluation: [] }),
    stepsOf: ({ name }: Trial) => steps.get(name)!,
    stepAt: (trial: Trial, share: number) => unit(trial) * rungMultiple(share, firstShare),
    measuresEarly: config.choose === 'balanced',
    watch,
  };
  // Claim the folder only now, so that a race that was rejected above, e.g. for missing examples, does not occupy it.
  await claimFolder(folder, { ...settings, race: config });
  const base = await measure(parts, 'base', () => locateModel(options.model, { trust: options.trust }));
  const result = await race(config, trialRunner(parts));
  const chosen = trials.find(({ name }) => name === result.chosen)!;
  const report = {
    folder,
    choose: config.choose,
    base,
    ...result,
    ...(await costOf(parts, trials)),
    run: runOf(parts, chosen),
  };
  await writeFileAtomic(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  return report;
}

/** Builds the recipe of a trial, with the suites of the race. */
async function recipeOf(
  { race: _, folder: __, optimizer, ...settings }: RaceOptions,
  { name, batchSize, learningRate, schedule }: Trial,
  every: number,
): Promise<Recipe> {
  const recipe = await fineTuningRecipe({
    ...settings,
    name,
    batchSize,
    optimizer: { ...optimizer, learningRate, schedule },
    checkpointEvery: every,
  });
  const stages = recipe.stages.map((stage) =>
    stage.type === 'imitate' ? { ...stage, heldOutEvery: every } : stage,
  );
  return { ...recipe, stages };
}

function requireMeasures({ target = [], retain = [], heldOut = 0, race: { choose } }: RaceOptions): void {
  const missing =
    target.length === 0
      ? '--target (a suite that tests what the examples teach)'
      : retain.length === 0
        ? '--retain (a suite that tests what the model must not forget)'
        : choose === 'target' && heldOut === 0
          ? '--held-out (a share of the examples, whose loss decides which trials are stopped)'
          : undefined;
  if (missing === undefined) return;
  throw new ConfigError(`expected ${missing}, got none`, { tryNext: 'gradus race --help' });
}

/** Creates the folder of a race, or checks that an existing one has the same settings. */
async function claimFolder(folder: string, settings: object): Promise<void> {
  const file = join(folder, 'race.json');
  const own: unknown = JSON.parse(JSON.stringify(settings));
  if (!existsSync(file)) {
    await makeFolder(join(folder, 'trials'));
    await writeFileAtomic(file, `${JSON.stringify(own, null, 2)}\n`);
    return;
  }
  if (isDeepStrictEqual(JSON.parse(await readFile(file, 'utf8')), own)) return;
  throw new ConfigError(
    `${folder}: expected a new folder or a race with the same settings, got other settings in race.json`,
    { tryNext: 'the same command with another --out' },
  );
}

/** Computes the number of steps of each complete trial, from the number of examples that are not held out. */
async function stepCounts(
  { examples, heldOut = 0, epochs, seed }: RaceOptions,
  trials: readonly Trial[],
): Promise<ReadonlyMap<string, number>> {
  const all = await readExamples(examples);
  const learned = Array.from({ length: Math.max(1, Math.round(all.length * (1 - heldOut))) });
  return new Map(
    trials.map(({ name, batchSize }) => [name, planBatches(learned, { batchSize, epochs, seed }).lastStep]),
  );
}
