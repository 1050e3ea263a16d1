import type * as z from 'zod';
import { DataError } from '../core/errors.ts';
import { describeRule } from '../difficulty/levels/level-rules.ts';
import type { Levels } from '../difficulty/levels/levels.ts';
import type { LevelSubject } from '../difficulty/levels/evaluate-rule.ts';
import { noTrials, policyLabel } from '../difficulty/pass-rates/trials.ts';
import type { PoolProblem } from './samplers/problem-sampler.ts';
import { selectionRule, type remeasureConfig, type StageConfig } from './stage.ts';

/** The problems of a stage, with a description of how they were selected. */
export interface Selection {
  readonly pool: readonly PoolProblem[];
  /** All problems from which the pool was selected, including the pool. */
  readonly candidates: readonly PoolProblem[];
  readonly summary: string;
}

/**
 * Selects the problems that a stage trains on, each with its levels and the policy's trials.
 *
 * @throws {DataError} if no problem is selected; the message lists the size of every level.
 */
export function selectPool(
  stage: Pick<StageConfig, 'name' | 'select'>,
  subjects: readonly LevelSubject[],
  levels: Levels,
): Selection {
  const rule = selectionRule(stage);
  const chosen = rule === null ? subjects : subjects.filter((subject) => levels.matches(rule, subject));
  const what = rule === null ? 'every problem' : describeRule(rule);
  if (chosen.length === 0) {
    throw new DataError(
      `stage "${stage.name}": expected problems where ${what}, found none among ${subjects.length}; ` +
        `${countLevels(subjects, levels)}. Measure with more rollouts, or select other levels.`,
      { tryNext: 'gradus difficulty show' },
    );
  }
  const candidates = subjects.map((subject) => ({
    id: subject.id,
    domain: subject.domain,
    levels: levels.of(subject),
    measured: subject.passRates[policyLabel] ?? noTrials,
  }));
  const isChosen = new Set(chosen.map(({ id }) => id));
  const pool = candidates.filter(({ id }) => isChosen.has(id));
  return { pool, candidates, summary: `${chosen.length} of ${subjects.length} problems: ${what}` };
}

/**
 * Drops problems that were always or never solved in the new measurement, as `remeasure` configures. Keeps problems
 * without trials.
 *
 * @throws {DataError} if no problem remains.
 */
export function dropSettled(
  selection: Selection,
  remeasure: Pick<z.infer<typeof remeasureConfig>, 'dropAlwaysSolved' | 'dropNeverSolved'>,
): Selection {
  const isAlways = ({ measured }: PoolProblem): boolean =>
    measured.trials > 0 && measured.successes === measured.trials;
  const isNever = ({ measured }: PoolProblem): boolean => measured.trials > 0 && measured.successes === 0;
  const always = remeasure.dropAlwaysSolved ? selection.pool.filter(isAlways) : [];
  const never = remeasure.dropNeverSolved ? selection.pool.filter(isNever) : [];
  const dropped = new Set([...always, ...never]);
  const pool = selection.pool.filter((problem) => !dropped.has(problem));
  const summary = `${selection.summary}; ${always.length} always solved and ${never.length} never solved left out, ${pool.length} remain`;
  if (pool.length > 0) return { ...selection, pool, summary };
  throw new DataError(
    `expected problems to train on, found none: ${summary}. Add harder problems or keep the settled ones.`,
    { tryNext: 'gradus difficulty show' },
  );
}

function countLevels(subjects: readonly LevelSubject[], levels: Levels): string {
  const counts = new Map(levels.names.map((name) => [name, 0]));
  for (const name of subjects.flatMap((subject) => levels.of(subject))) {
    counts.set(name, counts.get(name)! + 1);
  }
  const measured = subjects.filter(({ passRates }) =>
    Object.values(passRates).some(({ trials }) => trials > 0),
  );
  const listed = [...counts].map(([name, count]) => `${name} ${count}`).join(', ') || 'no levels defined';
  return `measured ${measured.length}, in levels: ${listed}`;
}
