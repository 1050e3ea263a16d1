import type { BetaShape } from '../../statistics/beta.ts';

/**
 * The tunable constants of adaptive probing. docs/algorithms/probing.md gives the reason for each and the cost of
 * other values; `npm run bench:difficulty -- --sensitivity` measures it.
 */
export interface ProbingTuning {
  /** Beta shapes of the mixture that models a population, besides "never" and "always". */
  readonly shapes: readonly BetaShape[];
  /**
   * Weight, in problems, of the belief that a group resembles all problems together. It is lower for groups formed
   * from columns that predict the outcomes, e.g. likelihoods.
   */
  readonly sharedBelief: { readonly informed: number; readonly others: number };
  /**
   * Rounds of expectation maximisation for all problems together, and for a group, which starts from the shares of all
   * problems.
   */
  readonly rounds: { readonly all: number; readonly group: number };
  /**
   * Problems tried until their outcomes are mixed: one in `oneIn`, but at least `least`, at most `most`, and at most
   * a `share` of all.
   */
  readonly pilot: {
    readonly oneIn: number;
    readonly least: number;
    readonly most: number;
    readonly share: number;
  };
  /**
   * Groups of similar problems: size of the smallest group, maximum number of groups, and pass-rate bands per strip.
   */
  readonly groups: { readonly fewest: number; readonly most: number; readonly bandsPerStrip: number };
  /** Attempts between two checkpoints, as a share of the attempts made so far. */
  readonly checkpointGrowth: number;
}

/** Dense towards both ends, because real pools have most of their problems there. */
const shapes: readonly BetaShape[] = [
  { alpha: 1, beta: 300 },
  { alpha: 1, beta: 70 },
  { alpha: 1.5, beta: 30 },
  { alpha: 2, beta: 14 },
  { alpha: 3, beta: 9 },
  { alpha: 5, beta: 8 },
  { alpha: 6, beta: 6 },
  { alpha: 8, beta: 5 },
  { alpha: 9, beta: 3 },
  { alpha: 14, beta: 2 },
  { alpha: 30, beta: 1.5 },
  { alpha: 70, beta: 1 },
  { alpha: 300, beta: 1 },
];

/** The constants that adaptive probing uses. */
export const probingTuning: ProbingTuning = {
  shapes,
  sharedBelief: { informed: 5, others: 30 },
  rounds: { all: 200, group: 80 },
  pilot: { oneIn: 60, least: 16, most: 500, share: 1 / 4 },
  groups: { fewest: 100, most: 48, bandsPerStrip: 2.5 },
  checkpointGrowth: 1 / 4,
};
