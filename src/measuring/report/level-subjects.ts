import { ConfigError } from '../../core/errors.ts';
import { paperLevels, simpleLevels } from '../../difficulty/levels/level-presets.ts';
import { modelsOf } from '../../difficulty/levels/level-rules.ts';
import { type LevelConfig, levelConfig } from '../../difficulty/levels/levels.ts';
import type { LevelSubject } from '../../difficulty/levels/evaluate-rule.ts';
import { defaultReading, readTrials } from '../../difficulty/probing/pass-rate.ts';
import { policyLabel, type PassRates, type Prior, type Trials } from '../../difficulty/pass-rates/trials.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import type { ReportedProblem } from './difficulty-report.ts';
import { readKnownPassRates } from '../known-pass-rates.ts';
import type { StoredMeasurement, StoredMeasurements } from '../stored-difficulty.ts';

/** The levels to use, and the stored model for each label in their rules. */
export interface LevelChoice {
  readonly recipe?: Recipe | undefined;
  /** Preset to use instead of the recipe's levels. */
  readonly preset?: 'simple' | 'paper' | undefined;
  /** Name of a stored model, or a prefix of the name, by label. */
  readonly labels: ReadonlyMap<string, string>;
}

/** Problems with the pass rates of every model that the levels use. */
export interface LevelSubjects {
  readonly levels: readonly LevelConfig[];
  readonly prior: Prior;
  readonly subjects: readonly (LevelSubject & ReportedProblem)[];
  /** Measurement of the model being trained, or else of the first model that a rule uses. */
  readonly measurement: StoredMeasurement;
}

/**
 * Joins each problem with its pass rates in a store and in the stores that a recipe names.
 *
 * @throws {ConfigError} if the model behind a label is ambiguous.
 */
export function levelSubjects(stored: StoredMeasurements, choice: LevelChoice): LevelSubjects {
  const { recipe, labels } = choice;
  const { problems } = stored;
  const known =
    recipe === undefined || problems === undefined
      ? new Map<string, never>()
      : readKnownPassRates(recipe, problems);
  const levels = levelsOf(choice, [...labels.keys(), ...known.keys()]);
  const wanted = [...new Set(levels.flatMap(({ rule }) => modelsOf(rule)))].filter(
    (label) => !known.has(label),
  );
  const chosen = new Map(wanted.map((label) => [label, measurementOf(label, stored, choice, wanted)]));
  const settings = recipe?.difficulty ?? defaultReading;
  const own = chosen.get(settings.model) ?? [...chosen.values()][0];
  const measurement = own ?? stored.measurements[0]!;
  const byLabel = new Map<string, PassRates>([
    ...known,
    ...Array.from(chosen, ([label, { passRates }]) => [label, readTrials(settings, passRates)] as const),
  ]);
  const listed: readonly ReportedProblem[] =
    problems ??
    Array.from(new Set([...byLabel.values()].flatMap((passRates) => [...passRates.keys()])), (id) => ({
      id,
    }));
  const subjects = listed.map((problem) => ({
    ...problem,
    domain: problem.domain ?? '',
    passRates: Object.fromEntries(
      Array.from(byLabel, ([label, passRates]) => [label, passRates.get(problem.id)] as const).filter(
        ([, trials]) => trials !== undefined,
      ),
    ) as Record<string, Trials>,
  }));
  return { levels, prior: settings.prior, subjects, measurement };
}

function levelsOf({ recipe, preset }: LevelChoice, labels: readonly string[]): readonly LevelConfig[] {
  const stated = recipe?.levels ?? [];
  if (preset === undefined && stated.length > 0) return stated;
  const model = recipe?.difficulty?.model ?? policyLabel;
  const inputs =
    preset === 'paper'
      ? paperLevels({
          ...(labels.includes('small') ? {} : { small: model }),
          ...(labels.includes('judge') ? {} : { judge: null }),
        })
      : simpleLevels({ model });
  return inputs.map((input) => levelConfig.parse(input));
}

function measurementOf(
  label: string,
  { measurements: all }: StoredMeasurements,
  { labels }: LevelChoice,
  wanted: readonly string[],
): StoredMeasurement {
  const name = labels.get(label);
  // Conditions without base attempts belong to stages that trained with different sampling.
  const measurements = all.filter(({ passRates }) => passRates.size > 0);
  const isOnly = measurements.length === 1 && wanted.length === 1;
  const fitting =
    name === undefined
      ? isOnly
        ? measurements
        : []
      : measurements.filter(({ conditions }) => conditions.model.startsWith(name));
  if (fitting.length === 1) return fitting[0]!;
  const models = measurements.map(
    ({ conditions: { model, temperature, maxTokens } }) =>
      `${model} (temperature ${temperature}, ${maxTokens} tokens)`,
  );
  throw new ConfigError(
    `"${label}": expected ${name === undefined ? 'one measured model' : `one measurement of a model "${name}…"`}, ` +
      `${name === undefined ? '' : `found ${fitting.length}; `}the store has ${models.join(', ')}; add --model ${label}=<model>`,
    { tryNext: `gradus difficulty levels <store> --model ${label}=<model>` },
  );
}
