import { GradusError } from '../../core/errors.ts';
import { defaultReading } from '../../difficulty/probing/pass-rate.ts';
import { difficultyPage } from './page/page.ts';
import { type LevelReport, reportLevels } from './level-report.ts';
import { type LevelChoice, levelSubjects } from './level-subjects.ts';
import type { StoredMeasurements } from '../stored-difficulty.ts';

/**
 * Renders a store's measurements as one HTML file; see `difficultyPage`. @param horizon attempts per problem in the
 * forecast of level sizes.
 */
export function difficultyReportPage(
  title: string,
  stored: StoredMeasurements,
  choice: LevelChoice,
  horizon: number,
): string {
  const { prior, confidence } = choice.recipe?.difficulty ?? defaultReading;
  return difficultyPage({
    title,
    ...stored,
    levels: levelsOrReason(stored, choice, horizon),
    prior,
    confidence,
  });
}

/**
 * Returns the level report, or the reason why it is missing, such as an ambiguous label in a store with several
 * models.
 */
function levelsOrReason(
  stored: StoredMeasurements,
  choice: LevelChoice,
  horizon: number,
): LevelReport | { readonly missing: string } {
  try {
    return reportLevels(levelSubjects(stored, choice), horizon);
  } catch (error) {
    if (GradusError.isInstance(error) && error.name === 'ConfigError') return { missing: error.message };
    throw error;
  }
}
