import { probingTuning } from './tuning.ts';

/** What a stopping rule expects of a problem with a given record. */
export interface Outlook {
  /** Whether more attempts are worth their price. */
  readonly isWorthMore: boolean;
  /** Expected further attempts. */
  readonly rollouts: number;
  /** Expected probability that the problem ends in a wrong cell. */
  readonly error: number;
  /** Error removed per rollout by going on from here, 0 where nothing can be gained. */
  readonly gain: number;
}

/** The optimal stopping rule for one population; see `createStoppingRule`. */
export interface StoppingRule {
  /** @param checkpoint index into the checkpoints. */
  outlook(checkpoint: number, successes: number): Outlook;
}

/**
 * The problem a stopping rule is computed for: numbers of attempts at which it may stop, and for a population the
 * probability of each record there (`total`) and of each record whose likeliest cell is wrong (`wrong`).
 */
export interface StoppingProblem {
  readonly checkpoints: readonly number[];
  readonly total: readonly Float64Array[];
  readonly wrong: readonly Float64Array[];
}

/**
 * Checkpoints from the screen to the horizon, a quarter more attempts each time: few waves, for a few per cent more
 * rollouts than deciding after every one.
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
 * Prepares stopping where outcomes are believed to be distributed so.
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
 * Decides by backward induction where to stop, when one wrong cell is worth `price` rollouts: from each record the
 * cheaper of stopping now and of rolling up to the next checkpoint (Wald; here with the exact predictive distribution
 * of exchangeable attempts). One price over all problems is what spends a global budget best.
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

/** What stopping by one price is expected to cost all problems together, and how many it leaves in a wrong cell. */
export interface Forecast {
  readonly rollouts: number;
  readonly error: number;
}

/** Prices of a wrong cell in rollouts: 1 … about 10⁵, a fiftieth apart. */
const prices = Array.from({ length: 583 }, (_, i) => 1.02 ** i);

/** The cheapest price that is expected to leave so few in a wrong cell, or the dearest that the rollouts pay. */
export function choosePrice(expected: (price: number) => Forecast, most: Forecast): number {
  const at = firstWhere(prices, (price) => {
    const { rollouts, error } = expected(price);
    return error <= most.error || rollouts > most.rollouts;
  });
  return prices[expected(prices[at]!).rollouts > most.rollouts ? Math.max(0, at - 1) : at]!;
}

/** Index of the first item that holds, by bisection; the last index where none does. */
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
