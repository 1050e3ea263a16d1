import { betaPosterior, betaQuantile } from '../../../statistics/beta.ts';
import { normalQuantile } from '../../../statistics/intervals.ts';
import { addPull, argmax, type ArmTally, emptyTallies } from '../tally.ts';
import type { Oracle } from './oracle.ts';

const uniformPrior = { alpha: 1, beta: 1 };

/**
 * Creates an oracle for Thompson sampling (1933), which draws each arm's mean from its posterior and chooses the
 * highest draw. Uses one random number per arm, through the quantile function.
 *
 * @param deviation standard deviation of normal rewards, whose means have the prior N(0, 1); null for rewards of 0 and
 * 1, whose means have the prior Beta(1, 1).
 */
export function createThompson(arms: number, deviation: number | null): Oracle {
  const tallies = emptyTallies(arms);
  const draw = (one: ArmTally, uniform: number): number =>
    deviation === null
      ? betaQuantile(betaPosterior(one.sum, one.pulls, uniformPrior), uniform)
      : normalDraw(one, deviation, uniform);
  return {
    choose: (_context, random) => argmax(tallies.map((one) => draw(one, random()))),
    observe: (pull) => addPull(tallies, pull),
  };
}

/** Returns a quantile of the posterior of a normal mean with prior N(0, 1) and known noise. */
function normalDraw({ pulls, sum }: ArmTally, deviation: number, uniform: number): number {
  const precision = 1 + pulls / deviation ** 2;
  const inside = Math.min(Math.max(uniform, 1e-12), 1 - 1e-12);
  return sum / deviation ** 2 / precision + normalQuantile(inside) / Math.sqrt(precision);
}
