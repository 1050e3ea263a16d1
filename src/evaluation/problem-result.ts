import type { Problem } from '../core/problem.ts';
import { finishReasonOf, type RolloutGroup, writtenTokens } from '../core/rollout.ts';
import { sum } from '../statistics/summary.ts';
import { outcomes, type Outcome } from '../core/verdict.ts';
import { majorityCorrect } from './estimators.ts';

/** Counts of the attempts at one prompt. */
export interface PromptResult {
  /** Number of attempts with a verdict other than `ungradable`. */
  readonly trials: number;
  readonly correct: number;
  /** Whether the greedy attempt was correct; absent if there is no gradable greedy attempt. */
  readonly greedy?: boolean;
}

/** Result of all attempts at one problem, with its original prompt except in `wordings`. */
export interface ProblemResult extends PromptResult {
  readonly id: string;
  readonly domain: string;
  readonly family?: string;
  readonly levels?: readonly string[];
  readonly verdicts: Readonly<Record<Outcome, number>>;
  /** Number of attempts truncated at the token limit. */
  readonly truncated: number;
  /** Number of tokens written in all attempts. */
  readonly tokens: number;
  /**
   * 1 if the most frequent answer was correct, 0 if not, the share of correct ones in a tie; absent for problems
   * without a gold answer (programs).
   */
  readonly majority?: number;
  /** Results for the other wordings, in order; absent unless the suite attempts them. */
  readonly wordings?: readonly PromptResult[];
}

/** Counts a group of sampled attempts, and the greedy attempt if there is one. */
export function resultOf(
  { problem, rollouts }: RolloutGroup,
  greedy: RolloutGroup | undefined,
  levelsOf?: (problem: Problem) => readonly string[],
): ProblemResult {
  const count = (outcome: Outcome): number =>
    rollouts.filter(({ verdict }) => verdict.outcome === outcome).length;
  const verdicts = Object.fromEntries(
    outcomes.map((outcome) => [outcome, count(outcome)]),
  ) as ProblemResult['verdicts'];
  const judged = rollouts.map(({ verdict }) => verdict).filter(({ outcome }) => outcome !== 'ungradable');
  const hasMajority = problem.answer !== undefined && judged.length > 0;
  const greedyOutcome = greedy?.rollouts[0]?.verdict.outcome ?? 'ungradable';
  return {
    id: problem.id,
    domain: problem.domain,
    ...(problem.family === undefined ? {} : { family: problem.family }),
    ...(levelsOf === undefined ? {} : { levels: levelsOf(problem) }),
    trials: judged.length,
    correct: verdicts.correct,
    verdicts,
    truncated: rollouts.filter((rollout) => finishReasonOf(rollout) === 'length').length,
    tokens: sum(rollouts.map(writtenTokens)),
    ...(hasMajority ? { majority: majorityCorrect(judged) } : {}),
    ...(greedyOutcome === 'ungradable' ? {} : { greedy: greedyOutcome === 'correct' }),
  };
}

/** Returns the share of correct attempts at a problem, which must have trials. */
export function passRateOf({ correct, trials }: PromptResult): number {
  return correct / trials;
}
