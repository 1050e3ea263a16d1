import * as z from 'zod';

/**
 * Settings for all questions on which public test suites contradict each other; the schema contains the defaults.
 */
export const mathPolicy = z.strictObject({
  /**
   * What counts as the answer of a completion. `boxed`: the last `\boxed{…}`. `marked`: also "the final answer is …"
   * and `#### …`. `anywhere`: if there is none of these, also the entire completion if it consists only of an answer,
   * or else its last formula or number.
   */
  extraction: z.enum(['boxed', 'marked', 'anywhere']).default('anywhere'),
  /** Does the list `1, 2` equal `2, 1`? Tuples in parentheses are always ordered; sets never are. */
  lists: z.enum(['unordered', 'ordered']).default('unordered'),
  /**
   * Does 75 % equal 75? `either`: yes, if either of the two has the sign. `gold`: only if the gold has it. `never`:
   * only 0.75 equals 75 %. Without a sign, a number never equals a hundredth of itself: 75 is not 0.75.
   */
  percent: z.enum(['either', 'gold', 'never']).default('either'),
  /**
   * Is `18` the same as `18 dollars`? `compare` requires a unit on both sides or on neither. Two known units are always
   * compared and converted: 5 km is 5000 m, never 5 m.
   */
  units: z.enum(['ignore', 'compare']).default('ignore'),
  /**
   * Does `2/4` equal `1/2`? `reject` requires a fraction of whole numbers to be in lowest terms if the gold is in
   * lowest terms.
   */
  unreduced: z.enum(['accept', 'reject']).default('accept'),
  /**
   * Number of significant digits that a decimal needs to count as the rounding of an exact value: `0.33333` for a gold
   * of 1/3. A decimal never matches an irrational gold such as π. Any exact value that rounds to a decimal gold matches
   * it.
   */
  significantDigits: z.int().min(1).max(15).default(5),
  /**
   * May the inequality -2 ≤ x ≤ 7 answer a gold that is the interval [-2, 7]? `as-written` requires a set if the gold
   * is a set.
   */
  inequalities: z.enum(['as-sets', 'as-written']).default('as-sets'),
  /** Does f(x) equal f(y)? `renamed` ignores the names of the variables. */
  variables: z.enum(['named', 'renamed']).default('named'),
});

/** A complete policy, with all defaults filled in. */
export type MathPolicy = z.output<typeof mathPolicy>;
