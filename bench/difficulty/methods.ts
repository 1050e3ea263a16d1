import {
  afterWave,
  posteriors,
  createProbing,
  nextWave,
  type ProbingState,
  startProbing,
} from '../../src/difficulty/probing/adaptive-waves.ts';
import { cellOf, type Cut } from '../../src/difficulty/probing/cut-points.ts';
import { probingTuning, type ProbingTuning } from '../../src/difficulty/probing/tuning.ts';
import type { Population } from './data.ts';

/** Cost and errors of one setting of a method. */
export interface Point {
  /** Mean rollouts per problem. */
  readonly rollouts: number;
  /** Share of problems whose cell differs from that computed from the complete record. */
  readonly error: number;
  /**
   * Share of problems whose 95 % interval contains the whole record's pass rate; absent for methods without intervals.
   */
  readonly coverage?: number;
  /** Number of sampling waves; absent for methods with a fixed number of rollouts. */
  readonly waves?: number;
}

/** A method: decides the number of rollouts and the resulting cell of a problem. */
type Decision = (prefixes: Uint16Array) => { readonly made: number; readonly cell: number };

/** Returns each problem's true cell, computed from the complete record, which is hidden from methods. */
function truthOf({ prefixes, horizon }: Population, cuts: readonly Cut[]): number[] {
  return prefixes.map((prefix) => cellOf(cuts, prefix[horizon]!, horizon));
}

/** Makes `k` rollouts of every problem and assigns cells by successes / k, as papers do. */
export function fixed(population: Population, cuts: readonly Cut[], k: number): Point {
  return judge(population, cuts, (prefix) => ({ made: k, cell: cellOf(cuts, prefix[k]!, k) }));
}

/** Makes 4 rollouts, and continues up to `k` if they were mixed, as SPEED-RL does. */
export function screened(population: Population, cuts: readonly Cut[], k: number): Point {
  return judge(population, cuts, (prefix) => {
    const made = prefix[4]! > 0 && prefix[4]! < 4 ? k : 4;
    return { made, cell: cellOf(cuts, prefix[made]!, made) };
  });
}

/** Makes one rollout at a time, under a Beta(1, 1) prior, until one cell of the whole record has probability
 * `confidence`. */
export function betaStopping(population: Population, cuts: readonly Cut[], confidence: number): Point {
  const { horizon } = population;
  const known = new Map<string, { cell: number; sure: number }>();
  const belief = (successes: number, made: number): { cell: number; sure: number } => {
    const key = `${successes}/${made}`;
    const found = known.get(key) ?? betaBelief(cuts, successes, made, horizon);
    known.set(key, found);
    return found;
  };
  return judge(population, cuts, (prefix) => {
    let made = 0;
    while (made < horizon && belief(prefix[made]!, made).sure < confidence) made++;
    return { made, cell: belief(prefix[made]!, made).cell };
  });
}

/**
 * Runs Gradus's adaptive probing. The screen and its groups do not depend on the confidence, so all confidences share them.
 */
export function adaptive(
  population: Population,
  cuts: readonly Cut[],
  confidences: readonly number[],
  screenedBefore?: ProbingState,
  tuning: ProbingTuning = probingTuning,
): Point[] {
  const { ids, features, horizon, prefixes } = population;
  const truth = truthOf(population, cuts);
  const successesOf = (problem: number, attempts: number): number => prefixes[problem]![attempts]!;
  let screenState = screenedBefore;
  return confidences.map((confidence) => {
    const goal = { cuts, horizon, screen: 1, confidence, budget: horizon * ids.length };
    const probing = createProbing(ids, features, goal, tuning);
    let state = screenState ?? screenOf(population, cuts, tuning);
    screenState = state;
    let waves = 1;
    for (let wave = nextWave(probing, state); wave !== null; wave = nextWave(probing, state)) {
      state = afterWave(probing, state, wave, successesOf);
      waves++;
    }
    const belief = posteriors(probing, state);
    let wrong = 0;
    let covered = 0;
    prefixes.forEach((prefix, i) => {
      const { cell, low, high } = belief(i);
      const rate = prefix[horizon]! / horizon;
      if (cell !== truth[i]) wrong++;
      if (low - 1e-9 <= rate && rate <= high + 1e-9) covered++;
    });
    const made = state.attempts.reduce((sum, attempts) => sum + attempts, 0);
    const count = ids.length;
    return { rollouts: made / count, error: wrong / count, coverage: covered / count, waves };
  });
}

/** Returns the state after every problem's first rollout, including the groups. */
export function screenOf(
  { ids, features, horizon, prefixes }: Population,
  cuts: readonly Cut[],
  tuning: ProbingTuning = probingTuning,
): ProbingState {
  const goal = { cuts, horizon, screen: 1, confidence: 0.5, budget: ids.length };
  const probing = createProbing(ids, features, goal, tuning);
  const start = startProbing(probing);
  return afterWave(probing, start, nextWave(probing, start)!, (i, attempts) => prefixes[i]![attempts]!);
}

/** Returns the rollouts that a method needs for an error, interpolated linearly between its settings; NaN if it never
 * reaches the error. */
export function rolloutsFor(points: readonly Point[], error: number): number {
  const sorted = points.toSorted((a, b) => a.rollouts - b.rollouts);
  const after = sorted.findIndex((point) => point.error <= error);
  if (after === -1) return Number.NaN;
  const [to, from] = [sorted[after]!, sorted[after - 1]];
  if (from === undefined) return to.rollouts;
  const share = (from.error - error) / (from.error - to.error);
  return from.rollouts + share * (to.rollouts - from.rollouts);
}

function judge(population: Population, cuts: readonly Cut[], decide: Decision): Point {
  const truth = truthOf(population, cuts);
  let rollouts = 0;
  let wrong = 0;
  population.prefixes.forEach((prefix, i) => {
    const { made, cell } = decide(prefix);
    rollouts += made;
    if (cell !== truth[i]) wrong++;
  });
  return { rollouts: rollouts / truth.length, error: wrong / truth.length };
}

/** Returns the probability of each cell under the beta-binomial distribution of the remaining record. */
function betaBelief(
  cuts: readonly Cut[],
  successes: number,
  made: number,
  horizon: number,
): { cell: number; sure: number } {
  const [alpha, beta, left] = [successes + 1, made - successes + 1, horizon - made];
  const cells = Array.from({ length: cuts.length + 1 }, () => 0);
  let probability = 1;
  for (let i = 0; i < left; i++) probability *= (beta + i) / (alpha + beta + i);
  for (let more = 0; more <= left; more++) {
    cells[cellOf(cuts, successes + more, horizon)]! += probability;
    probability *= ((left - more) * (alpha + more)) / ((more + 1) * (beta + left - more - 1));
  }
  const sure = Math.max(...cells);
  return { cell: cells.indexOf(sure), sure };
}
