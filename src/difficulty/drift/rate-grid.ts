/**
 * Log-odds from −8 to 8 (pass rates 0.0003 … 0.9997), in steps of 1/6; docs/algorithms/drift.md lists the cost of other
 * grids.
 */
const size = 97;
const widest = 8;

/** Distance between neighbouring log-odds of the grid. */
export const spacing = (2 * widest) / (size - 1);

const logOdds = Float64Array.from({ length: size }, (_, i) => -widest + i * spacing);
const rates = logOdds.map((z) => 1 / (1 + Math.exp(-z)));
const known = new Map<string, Float64Array>();

/** The grid of pass rates on which beliefs are defined. */
export const rateGrid = {
  rates,
  /** Returns a belief with equal probabilities for all log-odds. */
  uniform: (): Float64Array => new Float64Array(size).fill(1 / size),
  /** Returns the probability of `successes` in `trials` at each rate. Cached, because there are few distinct counts. */
  likelihood(successes: number, trials: number): Float64Array {
    const key = `${successes}/${trials}`;
    const likelihood = known.get(key) ?? binomial(successes, trials);
    known.set(key, likelihood);
    return likelihood;
  },
} as const;

/** Scales weights to a sum of 1, in place. */
export function normalise(weights: Float64Array): Float64Array {
  let total = 0;
  for (const weight of weights) total += weight;
  for (let i = 0; i < weights.length; i++) weights[i]! /= total;
  return weights;
}

function binomial(successes: number, trials: number): Float64Array {
  let orders = 0;
  for (let i = 1; i <= successes; i++) orders += Math.log((trials - successes + i) / i);
  return rates.map((rate) =>
    Math.exp(orders + successes * Math.log(rate) + (trials - successes) * Math.log1p(-rate)),
  );
}
