import type { Estimate, Interval } from '../../statistics/intervals.ts';
import { spearmanEstimate } from '../../statistics/rank-correlation.ts';
import { sum } from '../../statistics/summary.ts';
import type { RaceConfig } from './race-config.ts';
import type { EarlySignals } from './rung.ts';

/** Accuracies of a trained model, in [0, 1]. */
export interface Measures {
  /** Mean accuracy on the suites for the skills that the examples teach. */
  readonly target: number;
  /** Mean accuracy on the suites for the skills that the model must retain. */
  readonly retained: number;
}

/** A trial that was trained to the end. */
export interface FinishedTrial {
  readonly name: string;
  readonly isAudit: boolean;
  readonly signals: EarlySignals;
  readonly measures: Measures;
}

/** Returns the accuracy that a race maximises; higher is better. */
export const valueOf = ({ target, retained }: Measures, choose: RaceConfig['choose']): number =>
  choose === 'balanced' ? (target + retained) / 2 : { target, retained }[choose];

/** Returns the trials that no other trial beats in both measures, best target first. */
export const paretoFront = <One extends { readonly measures: Measures }>(trials: readonly One[]): One[] =>
  trials
    .filter(({ measures: { target, retained } }) =>
      trials.every(
        ({ measures: other }) =>
          !(
            other.target >= target &&
            other.retained >= retained &&
            (other.target > target || other.retained > retained)
          ),
      ),
    )
    .toSorted((a, b) => b.measures.target - a.measures.target);

/** Returns the trial with the highest value; the first if several are equal. */
export const bestTrial = <One extends { readonly measures: Measures }>(
  trials: readonly One[],
  choose: RaceConfig['choose'],
): One =>
  trials.reduce((best, one) => (valueOf(one.measures, choose) > valueOf(best.measures, choose) ? one : best));

/** Rank correlations of an early signal with the final measures. */
export interface SignalRow {
  readonly signal: keyof EarlySignals;
  readonly target: Estimate;
  readonly retained: Estimate;
}

const signalNames: readonly (keyof EarlySignals)[] = [
  'loss',
  'gradNorm',
  'heldOutLoss',
  'rateToBatch',
  'target',
  'retained',
];

/**
 * Returns Spearman's correlation of each early signal with both measures over the finished trials, with 95 % intervals.
 * Most trials that finish a race had good signals, and this weakens the correlations; audits partly correct for it.
 */
export function signalTable(trials: readonly Pick<FinishedTrial, 'signals' | 'measures'>[]): SignalRow[] {
  return signalNames.flatMap((signal) => {
    const known = trials.flatMap(({ signals, measures }) => {
      const value = signals[signal];
      return value === undefined ? [] : [{ value, ...measures }];
    });
    if (known.length < 2) return [];
    const values = known.map(({ value }) => value);
    const against = (measure: keyof Measures): Estimate =>
      spearmanEstimate(
        values,
        known.map((one) => one[measure]),
      );
    return [{ signal, target: against('target'), retained: against('retained') }];
  });
}

/**
 * Estimate of how often stopping was wrong: the share of stopped trials that would have ended above the best survivor.
 */
export interface AuditResult extends Interval {
  readonly stopped: number;
  readonly audited: number;
  /** Number of audited trials that ended above the best survivor. */
  readonly wrong: number;
  /** Estimated share among all stopped trials; absent if there were no audits. */
  readonly share?: number;
}

/**
 * Estimates the share of stopped trials that were stopped wrongly, from a random sample drawn without replacement. The
 * interval contains the most probable counts, which together have 95 % of the posterior under a flat prior
 * (hypergeometric likelihood). Averaged over all true counts, it covers the true count in 95 % of draws.
 */
export function auditResult(stopped: number, audited: number, wrong: number): AuditResult {
  const likelihoods = Array.from({ length: stopped + 1 }, (_, all) => ({
    all,
    likelihood: hypergeometric(stopped, all, audited, wrong),
  }));
  const total = sum(likelihoods.map(({ likelihood }) => likelihood));
  const inside: number[] = [];
  let mass = 0;
  for (const { all, likelihood } of likelihoods.toSorted((a, b) => b.likelihood - a.likelihood)) {
    if (mass >= 0.95) break;
    inside.push(all);
    mass += likelihood / total;
  }
  const share = (count: number): number => (stopped === 0 ? 0 : count / stopped);
  return {
    stopped,
    audited,
    wrong,
    ...(audited > 0 && { share: wrong / audited }),
    low: share(Math.min(...inside)),
    high: share(Math.max(...inside)),
  };
}

/**
 * Returns the probability that a sample of `drawn` items contains `found` marked ones, if `marked` of `all` items are
 * marked.
 */
function hypergeometric(all: number, marked: number, drawn: number, found: number): number {
  if (found > marked || drawn - found > all - marked) return 0;
  return Math.exp(logChoose(marked, found) + logChoose(all - marked, drawn - found) - logChoose(all, drawn));
}

const logChoose = (n: number, k: number): number =>
  sum(Array.from({ length: k }, (_, i) => Math.log(n - i) - Math.log(i + 1)));
