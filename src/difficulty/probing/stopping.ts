import { probingTuning } from './tuning.ts';

/** Forecast of a stopping rule for a problem with a given record. */
export interface Outlook {
  /** True if more attempts are worth their price. */
  readonly isWorthMore: boolean;
  /** Expected number of further attempts. */
  readonly rollouts: number;
  /** Expected probability that the problem ends in a wrong cell. */
  readonly error: number;
  /** Error that further attempts remove, per attempt; 0 if they remove none. */
  readonly gain: number;
}

/** Optimal stopping rule of one population; see `createStoppingRule`. */
export interface StoppingRule {
  /** @param checkpoint index into the checkpoints. */
  outlook(checkpoint: number, successes: number): Outlook;
}

/**
 * Input of a stopping rule: the numbers of attempts at which a problem may stop, the probability of each record at that
 * point (`total`), and the joint probability of each record and an error in its most probable cell (`wrong`).
 */
export interface StoppingProblem {
  readonly checkpoints: readonly number[];
  readonly total: readonly Float64Array[];
  readonly wrong: readonly Float64Array[];
}

/**
 * Returns the checkpoints from the screen to the horizon, each with a quarter more attempts than the previous one. This
 * needs few waves, and costs a few per cent more rollouts than deciding after every attempt.
 */
export function checkpointsUpTo(
  horizon: number,
  screen: number,
  growth = probingTuning.checkpointGrowth,
): number[] {
  const checkpoints = [0];
  for (let next = Math.min(screen, horizon); ; next += Math.max(1, Math.floor(next * growth))) {
    checkpoints.push(Math.min(next, horizon));
    if (next >= horizon) return checkpoints;
  }
}

/**
 * Computes the input of `createStoppingRule` for a distribution of outcomes.
 *
 * @param massesOf writes the probability of a record (one order of its attempts) together with each cell in which it
 * would end; returns their sum.
 */
export function prepareStopping(
  checkpoints: readonly number[],
  cells: number,
  massesOf: (successes: number, trials: number, into: Float64Array) => number,
): StoppingProblem {
  const masses = new Float64Array(cells);
  const total = checkpoints.map((trials) => new Float64Array(trials + 1));
  const wrong = checkpoints.map((trials) => new Float64Array(trials + 1));
  checkpoints.forEach((trials, i) => {
    for (let successes = 0; successes <= trials; successes++) {
      const sum = massesOf(successes, trials, masses);
      total[i]![successes] = sum;
      wrong[i]![successes] = Math.max(0, sum - Math.max(...masses));
    }
  });
  return { checkpoints, total, wrong };
}

/**
 * Computes by backward induction when to stop if one wrong cell costs `price` attempts: at each record, it takes the
 * cheaper of stopping now and continuing to the next checkpoint (Wald, with the exact predictive distribution of
 * exchangeable attempts). Using the same price for all problems makes optimal use of a common budget. See
 * docs/algorithms/probing.md, (B8)–(B10).
 */
export function createStoppingRule(
  { checkpoints, total, wrong }: StoppingProblem,
  price: number,
): StoppingRule {
  const error = wrong.map((row) => Float64Array.from(row));
  const rollouts = total.map((row) => new Float64Array(row.length));
  const gain = total.map((row) => new Float64Array(row.length));
  for (let i = checkpoints.length - 2; i >= 0; i--) {
    const step = checkpoints[i + 1]! - checkpoints[i]!;
    const orders = binomials(step);
    for (let successes = 0; successes < total[i]!.length; successes++) {
      const further = step * total[i]![successes]! + weighted(orders, rollouts[i + 1]!, successes);
      const left = weighted(orders, error[i + 1]!, successes);
      const removed = wrong[i]![successes]! - left;
      if (further > 0) gain[i]![successes] = Math.max(0, removed) / further;
      if (price * removed <= further) continue;
      error[i]![successes] = left;
      rollouts[i]![successes] = further;
    }
  }
  return {
    outlook(checkpoint, successes) {
      const mass = total[checkpoint]![successes]! || 1;
      const further = rollouts[checkpoint]![successes]! / mass;
      return {
        isWorthMore: further > 0,
        rollouts: further,
        error: error[checkpoint]![successes]! / mass,
        gain: gain[checkpoint]![successes]!,
      };
    },
  };
}

/** Expected number of attempts at all problems for one price, and expected number of problems in a wrong cell. */
export interface Forecast {
  readonly rollouts: number;
  readonly error: number;
}

/**
 * Prices of a wrong cell in attempts, from 1 to about 10⁵. With steps of 1/6, probing needs .29 of the rollouts of
 * fixed k = 16; with steps of 1/50, .27 (AdaRFT, never / sometimes / always, 28 November 2026).
 */
const priceStep = 1.02;
const prices = Array.from({ length: 583 }, (_, i) => priceStep ** i);

/**
 * Returns the lowest price whose expected error is within the limit, or the highest affordable price if that is
 * lower.
 */
export function choosePrice(expected: (price: number) => Forecast, most: Forecast): number {
  const at = firstWhere(prices, (price) => {
    const { rollouts, error } = expected(price);
    return error <= most.error || rollouts > most.rollouts;
  });
  return prices[expected(prices[at]!).rollouts > most.rollouts ? Math.max(0, at - 1) : at]!;
}

/** Returns the index of the first item that satisfies the test, by bisection; the last index if none does. */
function firstWhere(items: readonly number[], holds: (item: number) => boolean): number {
  let low = 0;
  let high = items.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function weighted(orders: readonly number[], row: Float64Array, first: number): number {
  let sum = 0;
  for (let i = 0; i < orders.length; i++) sum += orders[i]! * row[first + i]!;
  return sum;
}

function binomials(n: number): number[] {
  const row = [1];
  for (let k = 1; k <= n; k++) row.push((row[k - 1]! * (n - k + 1)) / k);
  return row;
}
