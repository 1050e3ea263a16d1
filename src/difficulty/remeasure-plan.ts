import { type Cut, cellOf } from './cuts.ts';
import { predictedCells, type RateBelief } from './drift.ts';
import type { RecordedTrials } from './pass-rate-store.ts';
import { planMissing, type ProbePlan } from './probe-plan.ts';
import { rateGrid } from './rate-grid.ts';
import { checkpointsUpTo } from './stopping.ts';

/** A problem at a stage boundary. */
export interface AgedProblem {
  readonly id: string;
  /** The cell it was last sorted into. */
  readonly cell: number;
  /** What is believed of it now, age included. */
  readonly belief: RateBelief;
}

/** How a re-measurement is done. */
export interface Remeasurement {
  readonly cuts: readonly Cut[];
  /** Attempts that levels are about; a problem's attempts end as soon as the rest cannot change its cell. */
  readonly trials: number;
}

/** Which problems to measure again, and what that is expected to cost and to find. */
export interface RemeasurePlan {
  /** Most changes found per attempt first. */
  readonly problemIds: readonly string[];
  readonly expectedRollouts: number;
  /** Problems that have probably changed cell, among all and among those chosen. */
  readonly expectedChanges: number;
  readonly expectedFound: number;
}

/**
 * Chooses where to spend a re-measurement: problems by the probability that their level has changed over the attempts it
 * takes to see, until the budget is spent or the wanted share of all expected changes is covered.
 *
 * @param limits `budget` in rollouts; `recall` in (0, 1].
 */
export function planRemeasure(
  problems: readonly AgedProblem[],
  { cuts, trials }: Remeasurement,
  limits: { readonly budget: number; readonly recall: number },
): RemeasurePlan {
  const attempts = attemptsByRate(cuts, trials);
  const rated = problems.map(({ id, cell, belief }) => {
    const change = 1 - predictedCells(belief, cuts, trials)[cell]!;
    const cost = belief.reduce((sum, probability, i) => sum + probability * attempts[i]!, 0);
    return { id, change, cost };
  });
  rated.sort((a, b) => b.change / b.cost - a.change / a.cost || (a.id < b.id ? -1 : 1));
  const expectedChanges = rated.reduce((sum, { change }) => sum + change, 0);
  const problemIds: string[] = [];
  let expectedFound = 0;
  let expectedRollouts = 0;
  for (const { id, change, cost } of rated) {
    if (expectedFound >= limits.recall * expectedChanges) break;
    if (expectedRollouts + cost > limits.budget) break;
    problemIds.push(id);
    expectedFound += change;
    expectedRollouts += cost;
  }
  return { problemIds, expectedRollouts, expectedChanges, expectedFound };
}

/** Whether `left` further attempts cannot change the cell of `trials` attempts any more. */
export function isSettled({ cuts, trials }: Remeasurement, successes: number, made: number): boolean {
  return cellOf(cuts, successes, trials) === cellOf(cuts, successes + trials - made, trials);
}

/** The next attempts of problems whose cell is not settled yet; plan again once these are on record. */
export function planUntilSettled(
  { cuts, trials }: Remeasurement,
  problemIds: readonly string[],
  measured: ReadonlyMap<string, RecordedTrials>,
): ProbePlan {
  const ends = checkpointsUpTo(trials, 2);
  return planMissing(problemIds, (id) => {
    const { successes, trials: judged, rollouts } = measured.get(id) ?? nothing;
    // What could not be graded is not asked again and decides nothing.
    const open = trials - (rollouts.length - judged);
    if (judged >= open || isSettled({ cuts, trials: open }, successes, judged))
      return { rollouts: [], later: 0 };
    const made = new Set(rollouts);
    const end = ends.find((one) => one > rollouts.length) ?? trials;
    const missing = Array.from({ length: end }, (_, index) => index).filter((index) => !made.has(index));
    return { rollouts: missing, later: trials - end };
  });
}

const nothing = { successes: 0, trials: 0, rollouts: [] as readonly number[] };

/** Expected attempts until a cell is settled, by the grid's rates. */
function attemptsByRate(cuts: readonly Cut[], trials: number): Float64Array {
  return rateGrid.rates.map((rate) => {
    let later = new Float64Array(trials + 1);
    for (let made = trials - 1; made >= 0; made--) {
      later = Float64Array.from({ length: made + 1 }, (_, successes) =>
        isSettled({ cuts, trials }, successes, made)
          ? 0
          : 1 + rate * later[successes + 1]! + (1 - rate) * later[successes]!,
      );
    }
    return later[0]!;
  });
}
