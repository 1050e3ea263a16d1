import { createRng, hashKey } from '../../core/rng.ts';
import { answerOf, finishReasonOf, type Rollout, writtenTokens } from '../../core/rollout.ts';
import type { HarvestConfig } from '../../curriculum/imitate.ts';

/** Rule by which a harvest chooses among the attempts at one problem. */
export type ChoiceRule = Pick<HarvestConfig, 'choose' | 'perProblem' | 'filter'>;

/**
 * Chooses the attempts at one problem to imitate. Keeps correct attempts that the policy ended itself and that pass the
 * filter, without duplicate texts.
 *
 * @param seed seed of the order `random`; must differ between problems.
 * @returns at most `perProblem` attempts, best first.
 */
export function chooseAttempts(
  rollouts: readonly Rollout[],
  { choose, perProblem, filter }: ChoiceRule,
  seed: number,
): Rollout[] {
  const texts = new Set<string>();
  const kept = rollouts.filter((rollout) => {
    const text = answerOf(rollout);
    const isGood = rollout.verdict.outcome === 'correct' && finishReasonOf(rollout) === 'stop';
    if (!isGood || text === '' || texts.has(text) || !passes(text, filter)) return false;
    texts.add(text);
    return true;
  });
  return inOrder(kept, choose, seed).slice(0, perProblem);
}

function passes(text: string, { minWords, maxWords = Infinity, without }: HarvestConfig['filter']): boolean {
  const words = text.split(/\s+/).filter((word) => word !== '').length;
  return words >= minWords && words <= maxWords && !without.some((part) => text.includes(part));
}

/** Sorts attempts by the rule; attempts of equal length are in the order of their indices. */
function inOrder(kept: readonly Rollout[], choose: HarvestConfig['choose'], seed: number): Rollout[] {
  const byLength = kept.toSorted((a, b) => writtenTokens(a) - writtenTokens(b) || a.index - b.index);
  if (choose === 'random') return createRng(hashKey(seed), 'choose').shuffle(byLength);
  if (choose === 'longest')
    return kept.toSorted((a, b) => writtenTokens(b) - writtenTokens(a) || a.index - b.index);
  return choose === 'shortest' ? byLength : byLength.slice(choose.nth - 1);
}
