import { type Cut, sortCuts } from '../probing/cut-points.ts';
import type { LevelRule } from './level-rules.ts';

/**
 * Returns the distinct cuts that rules make in one model's pass rates, in ascending order. The cell of a problem
 * decides all of these rules. Rules that name other levels count through those levels' own rules.
 */
export function cutsOfRules(rules: readonly LevelRule[], model: string): Cut[] {
  return sortCuts(rules.flatMap((rule) => cutsOfRule(rule, model)));
}

function cutsOfRule(rule: LevelRule, model: string): Cut[] {
  switch (rule.type) {
    case 'band':
      return rule.model === model ? cutsOfBand(rule) : [];
    case 'all':
    case 'any':
      return rule.rules.flatMap((inner) => cutsOfRule(inner, model));
    case 'not':
    case 'thin':
      return cutsOfRule(rule.rule, model);
    case 'domain':
    case 'level':
      return [];
  }
}

/** A lower bound is itself a cut; an upper bound becomes the cut that only rates above the band pass. */
function cutsOfBand({ min, max, excludeMin, excludeMax }: Extract<LevelRule, { type: 'band' }>): Cut[] {
  const lower = min > 0 || excludeMin ? [{ at: min, excludeAt: excludeMin }] : [];
  const upper = max < 1 || excludeMax ? [{ at: max, excludeAt: !excludeMax }] : [];
  return [...lower, ...upper];
}
