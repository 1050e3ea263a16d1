import { type Cut, sortCuts } from '../probing/cut-points.ts';
import type { LevelRule } from './level-rules.ts';

/**
 * Returns the distinct cuts that rules make in one model's pass rates, in ascending order. A problem's cell
 * determines the result of all these rules. A rule that names another level contributes the cuts of that level's rule.
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

/**
 * Returns the cuts of a band. A lower bound is itself a cut; an upper bound becomes a cut that only rates above the
 * band pass.
 */
function cutsOfBand({ min, max, excludeMin, excludeMax }: Extract<LevelRule, { type: 'band' }>): Cut[] {
  const lower = min > 0 || excludeMin ? [{ at: min, excludeAt: excludeMin }] : [];
  const upper = max < 1 || excludeMax ? [{ at: max, excludeAt: !excludeMax }] : [];
  return [...lower, ...upper];
}
