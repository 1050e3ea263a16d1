import { cellOf, type Cut } from '../../src/difficulty/probing/cut-points.ts';
import { createStoppingRule, type StoppingProblem } from '../../src/difficulty/probing/stopping.ts';
import type { Population } from './data.ts';
import type { Point } from './methods.ts';

/**
 * Computes a lower bound for every method that uses only a problem's own rollouts: optimal stopping after any rollout,
 * given the exact distribution of pass rates in the population.
 */
export function limitOf({ prefixes, horizon }: Population, cuts: readonly Cut[]): Point[] {
  const problems = new Float64Array(horizon + 1);
  for (const prefix of prefixes) problems[prefix[horizon]!]! += 1 / prefixes.length;
  const known = knownPopulation(problems, cuts);
  return Array.from({ length: 70 }, (_, i) => {
    const { rollouts, error } = createStoppingRule(known, 1.17 ** i).outlook(0, 0);
    return { rollouts, error };
  });
}

function knownPopulation(problems: Float64Array, cuts: readonly Cut[]): StoppingProblem {
  const horizon = problems.length - 1;
  const checkpoints = Array.from({ length: horizon + 1 }, (_, i) => i);
  const cells = Array.from(problems, (_, total) => cellOf(cuts, total, horizon));
  let row = Array.from(problems, (share, total) => {
    const masses = new Float64Array(cuts.length + 1);
    masses[cells[total]!] = share / binomial(horizon, total);
    return masses;
  });
  const total: Float64Array[] = [];
  const wrong: Float64Array[] = [];
  for (let made = horizon; ; made--) {
    const sums = row.map((masses) => masses.reduce((sum, mass) => sum + mass, 0));
    total[made] = Float64Array.from(sums);
    wrong[made] = Float64Array.from(row, (masses, i) => Math.max(0, sums[i]! - Math.max(...masses)));
    if (made === 0) return { checkpoints, total, wrong };
    row = Array.from({ length: made }, (_, i) => row[i]!.map((mass, cell) => mass + row[i + 1]![cell]!));
  }
}

function binomial(n: number, k: number): number {
  let orders = 1;
  for (let i = 1; i <= k; i++) orders *= (n - k + i) / i;
  return orders;
}
