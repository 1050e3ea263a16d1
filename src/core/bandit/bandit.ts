import * as z from 'zod';
import { DataError } from '../errors.ts';
import type { Problem } from '../problem.ts';
import { uniformAt } from '../rng.ts';

/** Number of turns in an episode. */
const turns = z.int().min(1).max(100_000);

/**
 * A multi-armed bandit: in each turn a player chooses an arm and sees its reward. Stored in `extra.bandit` of a
 * problem.
 *
 * - `bernoulli`: reward 1 with a probability equal to the arm's mean, else 0;
 * - `gaussian`: the arm's mean plus normally distributed noise;
 * - `contextual`: the dot product of the arm's weights and the turn's context, plus normally distributed noise. Each
 *   feature of a context is uniform in [−1, 1] and depends only on `contextSeed`, the turn and the feature.
 */
const banditSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('bernoulli'), turns, means: z.array(z.number().min(0).max(1)).min(2) }),
  z.strictObject({
    type: z.literal('gaussian'),
    turns,
    means: z.array(z.number()).min(2),
    /** Standard deviation of the noise. */
    deviation: z.number().positive(),
  }),
  z.strictObject({
    type: z.literal('contextual'),
    turns,
    /** One list per arm, with one weight per feature. */
    weights: z.array(z.array(z.number()).min(1)).min(2),
    deviation: z.number().min(0),
    contextSeed: z.int(),
  }),
]);

/** See `banditSchema`. */
export type Bandit = z.infer<typeof banditSchema>;

/**
 * Returns the bandit of a problem.
 * @throws DataError if `extra.bandit` is missing or invalid, if its arms have different numbers of weights, or if all
 * arms are equal.
 */
export function banditOf({ id, source, extra }: Problem): Bandit {
  const parsed = banditSchema.safeParse(extra?.['bandit']);
  const where = `problem ${id} (${source})`;
  if (!parsed.success) {
    throw new DataError(
      `${where}: expected a bandit in extra.bandit: ${z.prettifyError(parsed.error)}; ` +
        'generate bandit problems with bandits({ … })',
    );
  }
  const bandit = parsed.data;
  const arms = bandit.type === 'contextual' ? bandit.weights : bandit.means.map((mean) => [mean]);
  const lengths = new Set(arms.map(({ length }) => length));
  if (lengths.size > 1) {
    throw new DataError(
      `${where}: expected the same number of weights for each arm in extra.bandit.weights, got ${[...lengths].join(' and ')}; correct the problem`,
    );
  }
  // Regret is divided by the regret of a random player, which would be 0 for equal arms.
  if (arms.every((arm) => arm.every((value, i) => value === arms[0]![i]))) {
    throw new DataError(
      `${where}: expected arms that differ in extra.bandit, got ${arms.length} equal ones; remove the problem`,
    );
  }
  return bandit;
}

/** Returns the number of arms. */
export const armCount = (bandit: Bandit): number =>
  bandit.type === 'contextual' ? bandit.weights.length : bandit.means.length;

/** Returns the features that the player sees in a turn (0-based); undefined for a bandit without context. */
export function contextAt(bandit: Bandit, turn: number): readonly number[] | undefined {
  if (bandit.type !== 'contextual') return undefined;
  return bandit.weights[0]!.map((_, feature) => 2 * uniformAt(bandit.contextSeed, turn, feature) - 1);
}

/** Returns the expected reward of each arm in a turn (0-based). */
export function meansAt(bandit: Bandit, turn: number): readonly number[] {
  if (bandit.type !== 'contextual') return bandit.means;
  const context = contextAt(bandit, turn)!;
  return bandit.weights.map((weights) => weights.reduce((sum, weight, i) => sum + weight * context[i]!, 0));
}
