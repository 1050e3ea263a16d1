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

/**
 * The next attempts of problems whose cell is not settled yet; plan again once these are on record. Attempts are made in
 * waves, and what to do after a wave is decided once it is whole: an interrupted measurement goes on with the very
 * attempts it would have made.
 */
export function planUntilSettled(
  what: Remeasurement,
  problemIds: readonly string[],
  measured: ReadonlyMap<string, RecordedTrials>,
): ProbePlan {
  const [, ...ends] = checkpointsUpTo(what.trials, 2);
  return planMissing(problemIds, (id) => {
    const { rollouts, marks } = measured.get(id) ?? nothing;
    const made = new Set(rollouts);
    for (const end of ends) {
      const missing = Array.from({ length: end }, (_, index) => index).filter((index) => !made.has(index));
      if (missing.length > 0) return { rollouts: missing, later: what.trials - end };
      if (isSettledAfter(what, marks.slice(0, end))) break;
    }
    return { rollouts: [], later: 0 };
  });
}

/** What could not be graded is not asked again and decides nothing. */
function isSettledAfter({ cuts, trials }: Remeasurement, marks: string): boolean {
  const judged = marks.replaceAll('-', '');
  const successes = judged.replaceAll('0', '').length;
  return isSettled({ cuts, trials: trials - (marks.length - judged.length) }, successes, judged.length);
}

const nothing = { rollouts: [] as readonly number[], marks: '' };

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
