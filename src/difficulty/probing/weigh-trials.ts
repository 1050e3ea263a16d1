import { neverSometimesAlways } from './cut-points.ts';
import { createOutcomeTable, recordIndex } from './outcome-table.ts';
import { distributionOfTotal } from './posterior.ts';
import { fitMixture, type RecordCount } from './fit-mixture.ts';
import type { PassRates, Trials } from '../pass-rates/trials.ts';

/**
 * Converts a distribution over the number of successes in `horizon` attempts into trials, the input of levels and
 * samplers. The rate of these trials is the median, so that a level accepts a problem that probably belongs to it;
 * their number expresses the same uncertainty. Counts may be fractions and decrease as the evidence ages.
 *
 * @param totals probability of 0, 1 … horizon successes.
 */
export function worthInTrials(totals: ArrayLike<number>): Trials {
  const horizon = totals.length - 1;
  let [mean, square, below, median] = [0, 0, 0, -1];
  for (let successes = 0; successes <= horizon; successes++) {
    const probability = totals[successes]!;
    mean += (probability * successes) / horizon;
    square += probability * (successes / horizon) ** 2;
    below += probability;
    if (median === -1 && below >= 0.5) median = successes;
  }
  const variance = square - mean * mean;
  // A Beta(1, 1) belief after n trials has variance m(1 − m) / (n + 3); at least one trial, at most the horizon.
  const worth = variance > 0 ? (mean * (1 - mean)) / variance - 3 : horizon;
  const trials = Math.min(horizon, Math.max(1, worth));
  return { successes: (median / horizon) * trials, trials };
}

/**
 * Weighs the unequal numbers of trials from adaptive probing by the pass rates of all problems: a single failure does
 * not mean "never". Problems without trials are unchanged.
 *
 * @param horizon number of attempts to which levels refer; longer records are unchanged.
 */
export function weighTrials(passRates: PassRates, horizon: number): PassRates {
  const table = createOutcomeTable(neverSometimesAlways, horizon);
  const counts = new Map<number, RecordCount>();
  for (const { successes, trials } of passRates.values()) {
    if (trials > horizon) continue;
    const record = recordIndex(successes, trials);
    const problems = (counts.get(record)?.problems ?? 0) + 1;
    counts.set(record, { successes, attempts: trials, problems });
  }
  const shares = fitMixture(table, [...counts.values()]);
  const worth = new Map<number, Trials>();
  const weigh = (own: Trials): Trials => {
    if (own.trials === 0 || own.trials >= horizon) return own;
    const record = recordIndex(own.successes, own.trials);
    const found =
      worth.get(record) ?? worthInTrials(distributionOfTotal(table, shares, own.successes, own.trials));
    worth.set(record, found);
    return found;
  };
  return new Map(Array.from(passRates, ([id, own]) => [id, weigh(own)]));
}
