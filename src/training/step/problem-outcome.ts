import { judgedRollouts, type ScoredGroup } from '../../algorithms/scored-group.ts';
import { finishReasonOf, type Rollout, writtenTokens } from '../../core/rollout.ts';
import type { Outcome } from '../../core/verdict.ts';
import type { ProblemOutcome } from '../../curriculum/samplers/problem-sampler.ts';
import { countTrials } from '../../difficulty/pass-rates/trials.ts';
import { sum } from '../../statistics/summary.ts';

/** Summarises a finished group for the sampler that chose its problem. */
export function problemOutcome(group: ScoredGroup): ProblemOutcome {
  const advantages = judgedRollouts(group).map(({ advantage }) => Math.abs(advantage));
  const verdicts: Record<Outcome, number> = {
    correct: 0,
    incorrect: 0,
    unparsed: 0,
    timeout: 0,
    ungradable: 0,
  };
  for (const { verdict } of group.rollouts) verdicts[verdict.outcome]++;
  return {
    problemId: group.problem.id,
    ...countTrials(group.rollouts.map(({ verdict }) => verdict)),
    meanAbsAdvantage: sum(advantages) / Math.max(1, advantages.length),
    verdicts,
    truncated: group.rollouts.filter(isTruncated).length,
    tokens: sum(group.rollouts.map(writtenTokens)),
  };
}

const isTruncated = (rollout: Rollout): boolean =>
  rollout.verdict.outcome === 'unparsed' && finishReasonOf(rollout) === 'length';
