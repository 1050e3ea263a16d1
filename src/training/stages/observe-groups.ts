import type { ScoredGroup } from '../../algorithms/scored-group.ts';
import { finishReasonOf, isFromPrompt } from '../../core/rollout.ts';
import type { StartOutcome } from '../../curriculum/starts/starts.ts';
import { countTrials } from '../../difficulty/pass-rates/trials.ts';
import { observePassRates } from './observe-pass-rates.ts';
import type { LiveStage, RolledGroup } from '../step/collect-batch.ts';
import { problemOutcome } from '../step/problem-outcome.ts';
import type { TrainingContext } from '../training-context.ts';

/**
 * Passes finished groups to the sampler, the starts and the pass-rate store. The sampler and the store
 * receive only attempts from the prompt, because a hard problem looks easy if part of the answer is given.
 */
export function observeGroups(
  context: TrainingContext,
  stage: LiveStage,
  groups: readonly RolledGroup[],
  step: number,
): void {
  const fromPrompt = groups.filter(isFromPrompt);
  stage.sampler.observe(fromPrompt.map(problemOutcome));
  stage.starts?.observe(groups.map(startOutcome));
  observePassRates(context, stage, fromPrompt, step);
}

/** Summarises the outcome of a group for the starts. */
export function startOutcome({ problem, start, rollouts }: ScoredGroup): StartOutcome {
  return {
    problemId: problem.id,
    kind: start?.kind ?? 'prompt',
    ...countTrials(rollouts.map(({ verdict }) => verdict)),
    attempts: start !== undefined ? [] : rollouts.flatMap(ownAttempt),
  };
}

/** Returns the tokens of a complete, judged attempt; returns an empty list for other attempts. */
function ownAttempt(rollout: ScoredGroup['rollouts'][number]): StartOutcome['attempts'] {
  const { transcripts, verdict } = rollout;
  if (finishReasonOf(rollout) !== 'stop' || verdict.outcome === 'ungradable') return [];
  const { tokens, written } = transcripts.at(-1)!;
  const { start, end } = written[0]!;
  return [{ tokens: Array.from(tokens.subarray(start, end)), isCorrect: verdict.outcome === 'correct' }];
}
