import { DataError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import type { RolloutGroup } from '../../core/rollout.ts';
import { type PromptResult, resultOf } from '../problem-result.ts';

/**
 * Returns a problem with a distinct id for each other wording, so that its attempts have distinct random numbers.
 *
 * @throws DataError if no problem has another wording.
 */
export function wordedProblems(problems: readonly Problem[], suite: string): Problem[] {
  const worded = problems.flatMap((problem) =>
    (problem.wordings ?? []).map((prompt, at) => ({ ...problem, id: wordingId(problem, at), prompt })),
  );
  if (worded.length > 0) return worded;
  throw new DataError(
    `suite ${suite}: expected problems with other wordings, got ${problems.length} without any`,
    { tryNext: 'gradus data reword --help' },
  );
}

/** Counts the attempts at each other wording of a problem. */
export const wordingResults = (
  problem: Problem,
  sampled: ReadonlyMap<string, RolloutGroup>,
  greedy: ReadonlyMap<string, RolloutGroup>,
): PromptResult[] =>
  (problem.wordings ?? []).map((_, at) => {
    const id = wordingId(problem, at);
    const { trials, correct, greedy: sure } = resultOf(sampled.get(id)!, greedy.get(id));
    return { trials, correct, ...(sure !== undefined && { greedy: sure }) };
  });

const wordingId = ({ id }: Problem, at: number): string => `${id}#wording-${at + 1}`;
