import { ConfigError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import { createLevels } from '../../difficulty/levels/levels.ts';
import { defaultReading } from '../../difficulty/probing/pass-rate.ts';
import { passRateIntervals } from '../../difficulty/pass-rates/trials.ts';
import type { KnownDifficulty } from '../../problems/output/difficulty.ts';
import { type TrainerFile, writeForTrainer } from '../../problems/output/trainer-file.ts';
import { type LevelChoice, levelSubjects } from './level-subjects.ts';
import type { StoredMeasurements } from '../stored-difficulty.ts';

/** Options of an export. */
export interface DifficultyExport extends Omit<TrainerFile, 'difficultyOf'> {
  readonly choice: LevelChoice;
  /** Levels to export; empty: all problems, including unmeasured ones. */
  readonly only: readonly string[];
}

/**
 * Writes the problems of a recipe in the format of the chosen trainer, each with its levels and the trained model's
 * pass rate, interval and trials. Returns the number of problems.
 *
 * @throws {ConfigError} if there is no recipe or a level is unknown.
 */
export async function exportDifficulty(
  stored: StoredMeasurements,
  { choice, only, ...file }: DifficultyExport,
): Promise<number> {
  if (stored.problems === undefined) {
    throw new ConfigError(
      'expected --recipe: a store has only the ids of problems, and a recipe has the problems themselves',
      {
        tryNext: 'gradus difficulty export <store> --recipe <file> --to jsonl --out <file>',
      },
    );
  }
  const { levels: configs, prior, subjects, measurement } = levelSubjects(stored, choice);
  const levels = createLevels(configs, prior);
  for (const name of only) levels.check({ type: 'level', level: name }, '--level');
  const { confidence } = choice.recipe?.difficulty ?? defaultReading;
  const intervalOf = passRateIntervals(prior, confidence);
  const known = new Map(
    subjects.map((subject) => [
      subject.id,
      { levels: levels.of(subject), trials: measurement.passRates.get(subject.id) },
    ]),
  );
  const difficultyOf = ({ id }: Problem): KnownDifficulty | undefined => {
    const { trials, levels: names } = known.get(id)!;
    if (trials === undefined || trials.trials === 0) return undefined;
    return { model: measurement.conditions.model, ...trials, interval: intervalOf(trials), levels: names };
  };
  const wanted = stored.problems.filter(
    ({ id }) => only.length === 0 || known.get(id)!.levels.some((name) => only.includes(name)),
  );
  return writeForTrainer(wanted, { ...file, difficultyOf });
}
