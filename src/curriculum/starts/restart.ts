import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import { hashKey, uniformAt } from '../../core/rng.ts';
import { readState } from '../samplers/read-state.ts';
import type { StartChoice, StartProblem, Starts } from './starts.ts';

/**
 * Begins attempts after an earlier attempt of the policy in this stage, with its last steps cut off and a marker
 * appended, so that the policy learns to continue from its own mistakes (restart and explore; Satori, arXiv
 * 2502.02508).
 */
export const restartConfig = z.strictObject({
  type: z.literal('restart'),
  /** Share of groups that restart, among groups at problems with an earlier attempt. */
  share: z.number().gt(0).max(1).default(0.5),
  /**
   * Attempts to restart from. Restarts from incorrect attempts teach self-correction; restarts from correct ones
   * reduced accuracy in our measurements.
   */
  from: z.enum(['incorrect', 'correct', 'both']).default('incorrect'),
  /** Maximum number of steps to cut off; the number is drawn from 1 to this. */
  backtrack: z.int().min(1).default(2),
  /** Text at which a step ends. */
  separator: z.string().min(1).default('\n\n'),
  /** Text after the cut, such as `<|reflect|>`, encoded as special tokens if the vocabulary has them. */
  mark: z.string().default(''),
  /**
   * Added to the reward if an incorrect attempt becomes correct, and subtracted if a correct attempt becomes
   * incorrect. Rejected if advantages are divided by the group's standard deviation, because it would have no
   * effect.
   */
  bonus: z.number().min(0).default(0),
  /** Number of problems, most recent first, whose attempts are kept; each checkpoint includes these attempts. */
  maxProblems: z.int().positive().default(1024),
});

/** Begins attempts after an earlier attempt of the policy, without its last steps. */
export const restart = noun(restartConfig);

const tokens = z.array(z.int()).readonly();
const entry = z.strictObject({
  correct: tokens.optional(),
  incorrect: tokens.optional(),
  visits: z.int().min(0),
});
type Entry = z.infer<typeof entry>;
/** Oldest first: the order determines which problems are dropped. */
const restartState = z.strictObject({ problems: z.array(z.tuple([z.string(), entry])) });

export function createRestart(
  { share, from, backtrack, maxProblems }: z.output<typeof restartConfig>,
  pool: readonly StartProblem[],
  seed: number,
): Starts {
  const known = new Set(pool.map(({ id }) => id));
  const kinds = from === 'both' ? (['incorrect', 'correct'] as const) : ([from] as const);
  let entries = new Map<string, Entry>();
  const choose = (id: string): StartChoice => {
    const own = entries.get(id);
    const kept = kinds.filter((kind) => own?.[kind] !== undefined);
    const draw = (counter: number): number => uniformAt(hashKey(seed, 'starts', id), own!.visits, counter);
    if (kept.length === 0 || draw(0) >= share) return { kind: 'prompt' };
    const kind = kept[Math.floor(draw(1) * kept.length)]!;
    return { kind, attempt: own![kind]!, steps: 1 + Math.floor(draw(2) * backtrack) };
  };
  return {
    choose: (ids) => ids.map(choose),
    observe(outcomes) {
      for (const { problemId, attempts } of outcomes) {
        if (!known.has(problemId)) continue;
        const before = entries.get(problemId) ?? { visits: 0 };
        const [right, wrong] = [true, false].map((is) => attempts.find(({ isCorrect }) => isCorrect === is));
        entries.delete(problemId);
        entries.set(problemId, {
          ...before,
          ...(right !== undefined && kinds.some((kind) => kind === 'correct') && { correct: right.tokens }),
          ...(wrong !== undefined &&
            kinds.some((kind) => kind === 'incorrect') && { incorrect: wrong.tokens }),
          visits: before.visits + 1,
        });
      }
      entries = new Map([...entries].slice(-maxProblems));
    },
    save: () => ({ problems: [...entries] }),
    restore(state) {
      entries = new Map(readState(restartState, state, 'starts restart').problems);
    },
    metrics: () => ({
      attempts: [...entries.values()].filter((own) => kinds.some((kind) => own[kind] !== undefined)).length,
    }),
  };
}
