import { type Cut, cellOf } from '../probing/cut-points.ts';
import type { RateBelief } from './drift.ts';
import type { RecordedPassRates } from '../pass-rates/pass-rate-store.ts';
import { planMissing, type AttemptPlan } from '../probing/attempt-plan.ts';
import { rateGrid } from './rate-grid.ts';
import {
  checkpointsUpTo,
  choosePrice,
  createStoppingRule,
  type Forecast,
  prepareStopping,
  type StoppingProblem,
  type StoppingRule,
} from '../probing/stopping.ts';

/** A problem at a stage boundary. */
export interface AgedProblem {
  readonly id: string;
  /** Current belief, widened for the time since the last trials. */
  readonly belief: RateBelief;
}

/** The question that a re-measurement answers: the cell in which each problem would be after `trials` attempts. */
export interface Remeasurement {
  readonly cuts: readonly Cut[];
  readonly trials: number;
}

/** Plan of a re-measurement, with its expected cost and effect. */
export interface RemeasurePlan {
  readonly trials: number;
  /** Numbers of attempts after which the plan decides whether to continue: from 0 to `trials`. */
  readonly checkpoints: readonly number[];
  /** Stopping rule of each problem. */
  readonly rules: ReadonlyMap<string, StoppingRule>;
  readonly expectedRollouts: number;
  /** Expected number of problems whose most probable cell is wrong, before and after the re-measurement. */
  readonly expectedWrong: readonly [before: number, after: number];
}

/**
 * Plans a re-measurement. For each belief, it computes the optimal rule: when to attempt the problem again, and when to
 * accept its most probable cell. A wrong cell has the same price for all problems, chosen so that the expected number
 * of attempts stays within the budget, or so that the plan is expected to correct the target share of wrong cells. See
 * docs/algorithms/remeasuring.md.
 *
 * @param limits `budget` in rollouts; `recall` in (0, 1].
 */
export function planRemeasure(
  problems: readonly AgedProblem[],
  { cuts, trials }: Remeasurement,
  limits: { readonly budget: number; readonly recall: number },
): RemeasurePlan {
  const checkpoints = checkpointsUpTo(trials, 2);
  const prepare = prepareBeliefs(cuts, trials, checkpoints);
  // Problems with the same evidence share one belief.
  const counts = new Map<RateBelief, number>();
  for (const { belief } of problems) counts.set(belief, (counts.get(belief) ?? 0) + 1);
  const prepared = new Map(Array.from(counts.keys(), (belief) => [belief, prepare(belief)]));
  const expected = (price: number): Forecast => {
    let [rollouts, error] = [0, 0];
    for (const [belief, count] of counts) {
      const outlook = createStoppingRule(prepared.get(belief)!, price).outlook(0, 0);
      rollouts += count * outlook.rollouts;
      error += count * outlook.error;
    }
    return { rollouts, error };
  };
  const before = expected(0).error;
  const price = choosePrice(expected, { rollouts: limits.budget, error: (1 - limits.recall) * before });
  const rules = new Map(
    Array.from(prepared, ([belief, problem]) => [belief, createStoppingRule(problem, price)]),
  );
  const { rollouts, error } = expected(price);
  return {
    trials,
    checkpoints,
    rules: new Map(problems.map(({ id, belief }) => [id, rules.get(belief)!])),
    expectedRollouts: rollouts,
    expectedWrong: [before, error],
  };
}

/** Returns whether the plan attempts the problem at all. */
export function isToBeMeasured({ rules }: RemeasurePlan, id: string): boolean {
  return rules.get(id)!.outlook(0, 0).isWorthMore;
}

/**
 * Plans the next attempts of a re-measurement; call it again after recording these. It plans a wave only after the
 * previous one is complete, so an interrupted measurement continues with exactly the attempts that it would have made.
 */
export function planNextAttempts(
  { checkpoints, rules, trials }: RemeasurePlan,
  problemIds: readonly string[],
  recorded: RecordedPassRates,
): AttemptPlan {
  return planMissing(problemIds, (id) => {
    const { rollouts, marks } = recorded.get(id) ?? nothing;
    const [made, rule] = [new Set(rollouts), rules.get(id)!];
    let [wave, end, judged] = [0, 0, ''];
    const isDone = (): boolean =>
      end === trials ||
      (judged.length === checkpoints[wave] && !rule.outlook(wave, successesIn(judged)).isWorthMore);
    while (!isDone()) {
      if (judged.length === checkpoints[wave]) wave++;
      // Ungradable attempts are replaced.
      end = Math.min(trials, end + checkpoints[wave]! - judged.length);
      const missing = Array.from({ length: end }, (_, index) => index).filter((index) => !made.has(index));
      if (missing.length > 0) return { rollouts: missing, later: trials - end };
      judged = marks.slice(0, end).replaceAll('-', '');
    }
    return { rollouts: [], later: 0 };
  });
}

const nothing = { rollouts: [] as readonly number[], marks: '' };
const successesIn = (marks: string): number => marks.replaceAll('0', '').length;

/**
 * Returns a function that prepares stopping rules for a belief. Computes the probabilities of records and cells at each
 * rate only once.
 */
function prepareBeliefs(
  cuts: readonly Cut[],
  trials: number,
  checkpoints: readonly number[],
): (belief: RateBelief) => StoppingProblem {
  const cells = cuts.length + 1;
  const tables = new Map(checkpoints.map((made) => [made, massesByRate(cuts, trials, made)]));
  return (belief) =>
    prepareStopping(checkpoints, cells, (successes, made, into) => {
      const table = tables.get(made)!;
      let at = successes * cells * belief.length;
      let total = 0;
      // Plain loops, because a plan spends nearly all of its time here.
      for (let cell = 0; cell < cells; cell++) {
        let mass = 0;
        for (let rate = 0; rate < belief.length; rate++) mass += belief[rate]! * table[at++]!;
        into[cell] = mass;
        total += mass;
      }
      return total;
    });
}

/**
 * Returns, by successes in `made` attempts, cell and rate, the probability of one order of these attempts together
 * with ending in the cell.
 */
function massesByRate(cuts: readonly Cut[], trials: number, made: number): Float64Array {
  const [cells, { rates }] = [cuts.length + 1, rateGrid];
  const masses = new Float64Array((made + 1) * cells * rates.length);
  for (let successes = 0; successes <= made; successes++) {
    for (let further = 0; further <= trials - made; further++) {
      const cell = cellOf(cuts, successes + further, trials);
      const likelihood = rateGrid.likelihood(further, trials - made);
      rates.forEach((rate, i) => {
        masses[(successes * cells + cell) * rates.length + i]! +=
          likelihood[i]! * rate ** successes * (1 - rate) ** (made - successes);
      });
    }
  }
  return masses;
}
