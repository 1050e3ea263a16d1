import * as z from 'zod';

/** A way of asking in one or more turns. */
export interface Way {
  /** Must change with the text of the turns, because pass rates are stored by version. */
  readonly version: string;
  /** Text after the problem in the first turn. `{cases}` is replaced by the number of reduced cases. */
  readonly first: string;
  readonly later: readonly string[];
}

/** The last turn of every way of asking. The problem itself specifies the format of the answer. */
const conclude =
  'Now answer the original problem. Give the final answer in the form that the problem asks for.';

/** Ways of asking, by name. The wording is ours; the papers give methods, not fixed prompts. */
export const ways = {
  /** Step by step in one turn (2201.11903). */
  'step-by-step': {
    version: '1',
    first: 'Think step by step, then give the final answer in the form that the problem asks for.',
    later: [],
  },
  /** Simpler questions first, then the problem (least-to-most, 2205.10625). */
  decomposition: {
    version: '1',
    first:
      'Do not answer yet. List the simpler questions whose answers lead to the answer of this problem, in the order in which they are needed.',
    later: ['Answer each of your questions in turn, and use the earlier answers.', conclude],
  },
  /** Reduced cases, then the pattern in them, then the problem (DID, 2410.02892). */
  'inductive-deductive': {
    version: '1',
    first:
      'Do not answer yet. Write down {cases} simpler cases of this problem, with smaller numbers or fewer parts, from the simplest up. Solve each of them.',
    later: [
      'State the rule that your cases have in common, and check it against each of them.',
      `Apply the rule to the original problem. ${conclude}`,
    ],
  },
} as const satisfies Readonly<Record<string, Way>>;

const wayNames = Object.keys(ways) as [keyof typeof ways, ...(keyof typeof ways)[]];

/** Maximum number of reduced cases. */
export const mostCases = 6;

/** A way of asking, by name. */
export const waySettings = z.strictObject({
  way: z.enum(wayNames),
  /**
   * Reduced cases of `inductive-deductive`. `complexity`: more for a problem with larger complexity C, as in DID: ⌈C /
   * 8 bits⌉, from 1 to 6.
   */
  cases: z.union([z.int().min(1).max(mostCases), z.literal('complexity')]).default(3),
});
