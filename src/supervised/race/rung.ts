import { createRng } from '../../core/rng.ts';
import type { RaceConfig } from './race-config.ts';

/** Early signals of a trial. Losses are in nats per completion token. */
export interface EarlySignals {
  /** Mean training loss up to the rung. */
  readonly loss: number;
  /** Mean gradient norm before clipping up to the rung; absent for engines that do not report it. */
  readonly gradNorm?: number;
  /** log(learning rate / batch size), known before the first step. */
  readonly rateToBatch: number;
  /** Held-out loss at the rung. */
  readonly heldOutLoss?: number;
  /** Accuracies at the rung; absent unless the race maximises the mean of both. */
  readonly target?: number;
  readonly retained?: number;
}

/** Result of a rung. */
export interface RungDecision {
  readonly kept: readonly string[];
  readonly stopped: readonly string[];
  /** Stopped trials that are trained to the end as audits. */
  readonly audited: readonly string[];
}

/**
 * Scores a trial by its early signals; higher is better. For the target, the lowest held-out loss is best; for retained
 * accuracy, the highest training loss. Both losses depend on how far the weights have moved (docs/race.md), so neither
 * loss ranks trials by both accuracies at once, and `balanced` needs early accuracies.
 *
 * @throws RangeError if the signal was not measured.
 */
export function earlyScore(
  { loss, heldOutLoss, target, retained }: EarlySignals,
  choose: RaceConfig['choose'],
): number {
  switch (choose) {
    case 'target':
      return -measured(heldOutLoss, 'held-out loss');
    case 'retained':
      return loss;
    case 'balanced':
      return (measured(target, 'target') + measured(retained, 'retained')) / 2;
  }
}

function measured(value: number | undefined, name: string): number {
  if (value !== undefined) return value;
  throw new RangeError(`expected the ${name} at the rung, got none`);
}

/**
 * Decides which trials continue (successive halving, Jamieson & Talwalkar 2016). Also keeps trials that tie with the
 * last one kept. Draws audits so that their share of all stopped trials is `audit`, rounded down.
 *
 * @param scores scores of the remaining trials; higher is better.
 * @param earlier number of trials stopped and audited at earlier rungs.
 */
export function decideRung(
  scores: ReadonlyMap<string, number>,
  { keep, audit, seed }: Pick<RaceConfig, 'keep' | 'audit' | 'seed'>,
  rung: number,
  earlier: { readonly stopped: number; readonly audited: number },
): RungDecision {
  const order = [...scores].toSorted(([, a], [, b]) => b - a);
  const last = order[Math.ceil(keep * order.length - 1e-9) - 1]!;
  const kept = order.filter(([, score]) => score >= last[1]).map(([name]) => name);
  const stopped = order.filter(([, score]) => score < last[1]).map(([name]) => name);
  const audits = Math.floor(audit * (earlier.stopped + stopped.length) + 1e-9) - earlier.audited;
  const drawn = createRng(seed, 'audit', rung).shuffle(stopped.toSorted());
  return { kept, stopped, audited: drawn.slice(0, Math.max(0, audits)) };
}
