import { type Problem, promptsOf } from '../core/problem.ts';
import { createRng } from '../core/rng.ts';
import type { AttemptRequest } from './strategies/strategy.ts';

/** Requested attempts at problems, with one wording per problem. */
export interface WordedAttempts {
  /** The problems, each with the chosen wording as its prompt. */
  readonly problems: readonly Problem[];
  readonly request: AttemptRequest;
}

/**
 * Spreads the attempts at each problem evenly over `count` of its wordings, drawn by the request's seed. Indices stay
 * consecutive within a wording, so attempts have different random numbers in every wording. A problem with fewer
 * wordings uses them repeatedly.
 */
export function spreadWordings(
  problems: readonly Problem[],
  request: AttemptRequest,
  count: number,
): WordedAttempts[] {
  if (count === 1) return [{ problems, request }];
  const most = problems.reduce((longest, problem) => Math.max(longest, promptsOf(problem).length), 1);
  const parts = Math.min(count, request.rollouts, most);
  const orders = problems.map((problem) =>
    createRng(request.seed, 'wordings', problem.id).shuffle(promptsOf(problem)),
  );
  const first = (part: number): number => Math.floor((part * request.rollouts) / parts);
  return Array.from({ length: parts }, (_, part) => ({
    problems: problems.map((problem, i) => ({ ...problem, prompt: orders[i]![part % orders[i]!.length]! })),
    request: {
      ...request,
      firstIndex: (request.firstIndex ?? 0) + first(part),
      rollouts: first(part + 1) - first(part),
    },
  }));
}
