import type { StageConfig } from '../curriculum/stage.ts';
import { selectionRule } from '../curriculum/stage.ts';
import type { ObservedGroup } from '../difficulty/pass-rates/pass-rate-store.ts';
import { mergeTrials, noTrials, policyLabel, type Trials } from '../difficulty/pass-rates/trials.ts';
import type { PlannedParts } from './planned-parts.ts';

/** The problems that a stage would select, according to the recorded attempts. */
export interface ForecastPool {
  /** Number of problems, assuming that the same share of unmeasured problems is selected. */
  readonly problems: number;
  /** Attempts at the selected problems. */
  readonly attempts: readonly ObservedGroup[];
}

/**
 * Selects the problems of a stage by the recorded attempts, as the stage itself does after measuring. Returns
 * `undefined` if nothing is recorded or selected.
 */
export function forecastPool(
  { problems, levels, knownPassRates }: PlannedParts,
  stage: StageConfig,
  attempts: readonly ObservedGroup[],
): ForecastPool | undefined {
  const rule = selectionRule(stage);
  if (rule === null) return { problems: problems.length, attempts };
  const measured = new Map<string, Trials>();
  for (const { problemId, successes, trials } of attempts)
    measured.set(problemId, mergeTrials(measured.get(problemId) ?? noTrials, { successes, trials }));
  const known = problems.filter(({ id }) => measured.has(id));
  const passRatesOf = (id: string): Record<string, Trials> => {
    const labelled = [...knownPassRates, [policyLabel, measured] as const];
    return Object.fromEntries(
      labelled.flatMap(([label, one]) => (one.has(id) ? [[label, one.get(id)!]] : [])),
    );
  };
  const selected = new Set(
    known
      .filter(({ id, domain }) => levels.matches(rule, { id, domain, passRates: passRatesOf(id) }))
      .map(({ id }) => id),
  );
  if (selected.size === 0) return undefined;
  return {
    problems: (problems.length * selected.size) / known.length,
    attempts: attempts.filter(({ problemId }) => selected.has(problemId)),
  };
}
