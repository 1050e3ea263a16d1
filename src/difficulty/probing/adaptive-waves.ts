import { hashKey } from '../../core/rng.ts';
import { type Posterior, posteriorOfRecord } from './posterior.ts';
import type { Cut } from './cut-points.ts';
import { cellMasses, createOutcomeTable, type OutcomeTable, recordIndex } from './outcome-table.ts';
import { fitMixture, type RecordCount } from './fit-mixture.ts';
import { type Grouping, groupByFeatures } from './feature-groups.ts';
import type { FeatureTable } from './feature-table.ts';
import {
  checkpointsUpTo,
  choosePrice,
  createStoppingRule,
  type Forecast,
  prepareStopping,
  type StoppingProblem,
  type StoppingRule,
} from './stopping.ts';
import { probingTuning, type ProbingTuning } from './tuning.ts';

/** The cells to distinguish, the target confidence, and the budget. */
export interface ProbingGoal {
  readonly cuts: readonly Cut[];
  /** Number of attempts to which levels refer; also the maximum per problem. */
  readonly horizon: number;
  /** Number of attempts at every problem before any outcome is used. */
  readonly screen: number;
  /** Target share of problems in the right cell; probing stops once the expected share reaches it. */
  readonly confidence: number;
  /** Maximum number of attempts over all problems. */
  readonly budget: number;
}

/** The goal, the problems, and everything else that stays constant during probing. */
export interface Probing {
  readonly goal: ProbingGoal;
  readonly ids: readonly string[];
  /** Evidence about the problems before any attempt; null if there is none. */
  readonly features: FeatureTable | null;
  readonly table: OutcomeTable;
  readonly checkpoints: readonly number[];
  readonly tuning: ProbingTuning;
}

/** State of probing, one entry per problem; the next wave depends on nothing else. */
export interface ProbingState {
  /** Number of attempts made. */
  readonly attempts: Uint16Array;
  readonly successes: Uint16Array;
  /** Group of similar problems; 0 for all problems until the screen is complete. */
  readonly groups: Uint16Array;
  /** True once groups are formed from columns that predict the outcomes. */
  readonly isInformed: boolean;
  /** 1 if no attempt could be graded; the problem then gets no more attempts and is excluded from the fit. */
  readonly isOut: Uint8Array;
}

/** Total number of attempts at each problem after the wave. */
export type Wave = Uint16Array;

/** Prepares probing before any attempt. */
export function createProbing(
  ids: readonly string[],
  features: FeatureTable | null,
  goal: ProbingGoal,
  tuning: ProbingTuning = probingTuning,
): Probing {
  const table = createOutcomeTable(goal.cuts, goal.horizon, tuning.shapes);
  const checkpoints = checkpointsUpTo(goal.horizon, goal.screen, tuning.checkpointGrowth);
  return { goal, ids, features, table, checkpoints, tuning };
}

/** Returns the state before the first attempt. */
export function startProbing({ ids }: Probing): ProbingState {
  const zeros = (): Uint16Array => new Uint16Array(ids.length);
  return {
    attempts: zeros(),
    successes: zeros(),
    groups: zeros(),
    isInformed: false,
    isOut: new Uint8Array(ids.length),
  };
}

/**
 * Returns the next wave, or null if every further attempt costs more than it is worth or exceeds the budget. The first
 * wave screens every problem. Later waves continue two kinds of problems: the pilots, chosen by hash, until their
 * outcomes are mixed; and the problems whose expected error falls most per attempt. The function is pure.
 */
export function nextWave(probing: Probing, state: ProbingState): Wave | null {
  const { goal, ids, checkpoints } = probing;
  const screen = checkpoints[1]!;
  const byLot = Float64Array.from(ids, (id) => 1 - hashKey('probing', id) / 2 ** 32);
  const screening = wish(state, byLot, (i) => (state.attempts[i] === 0 ? screen : 0));
  if (screening.length > 0) return waveWithin(goal, state, screening);
  const rules = chooseRules(probing, state);
  const at = new Map(checkpoints.map((trials, index) => [trials, index]));
  const outlooks = ids.map((_, i) =>
    rules[state.groups[i]!]!.outlook(at.get(state.attempts[i]!)!, state.successes[i]!),
  );
  const pilots = pilotShare(ids.length, probing.tuning.pilot);
  const isPilot = (i: number): boolean => byLot[i]! > 1 - pilots && !isMixed(state, i);
  const gains = Float64Array.from(outlooks, ({ gain }, i) => (isPilot(i) ? Infinity : gain));
  const more = wish(state, gains, (i) =>
    isPilot(i) || outlooks[i]!.isWorthMore ? (checkpoints[at.get(state.attempts[i]!)! + 1] ?? 0) : 0,
  );
  return waveWithin(goal, state, more);
}

/**
 * Returns the state after a wave.
 * @param successesOf successes of problem i among its first `attempts` attempts; null if none of them could be graded.
 */
export function afterWave(
  probing: Probing,
  state: ProbingState,
  wave: Wave,
  successesOf: (problem: number, attempts: number) => number | null,
): ProbingState {
  const isScreen = state.attempts.every((made) => made === 0);
  const isOut = Uint8Array.from(state.isOut);
  const successes = Uint16Array.from(wave, (attempts, i) => {
    const found = attempts === state.attempts[i] ? state.successes[i]! : successesOf(i, attempts);
    if (found === null) isOut[i] = 1;
    return found ?? 0;
  });
  const after = { ...state, attempts: wave, successes, isOut };
  return isScreen && probing.features !== null
    ? { ...after, ...groupsAfterScreen(probing, probing.features, after) }
    : after;
}

/** Returns a function from the index of a problem in `ids` to its posterior. */
export function posteriors(
  probing: Probing,
  state: ProbingState,
  confidence = 0.95,
): (problem: number) => Posterior {
  const shares = learnGroups(probing, state);
  const known = new Map<string, Posterior>();
  return (problem) => {
    const group = state.groups[problem]!;
    const [successes, attempts] =
      state.isOut[problem] === 1 ? [0, 0] : [state.successes[problem]!, state.attempts[problem]!];
    const key = `${group} ${successes}/${attempts}`;
    const found =
      known.get(key) ?? posteriorOfRecord(probing.table, shares[group]!, successes, attempts, confidence);
    known.set(key, found);
    return found;
  };
}

interface Wish {
  readonly problem: number;
  readonly attempts: number;
  readonly priority: number;
}

function wish(state: ProbingState, priority: Float64Array, attemptsOf: (problem: number) => number): Wish[] {
  const wishes: Wish[] = [];
  for (let problem = 0; problem < priority.length; problem++) {
    const attempts = state.isOut[problem] === 1 ? 0 : attemptsOf(problem);
    if (attempts > state.attempts[problem]!) wishes.push({ problem, attempts, priority: priority[problem]! });
  }
  return wishes;
}

/** Returns the wave that grants requests by priority until the budget is used up, or null if it grants none. */
function waveWithin({ budget }: ProbingGoal, state: ProbingState, wishes: readonly Wish[]): Wave | null {
  let left = budget - state.attempts.reduce((sum, made) => sum + made, 0);
  const wave = Uint16Array.from(state.attempts);
  const sorted = wishes.toSorted((a, b) => b.priority - a.priority || a.problem - b.problem);
  let granted = 0;
  for (const { problem, attempts } of sorted) {
    const cost = attempts - wave[problem]!;
    if (cost > left) break;
    left -= cost;
    wave[problem] = attempts;
    granted++;
  }
  return granted === 0 ? null : wave;
}

/**
 * Returns the share of problems tried until their outcomes are mixed. It must be large enough to show the tails of a
 * population.
 */
function pilotShare(problems: number, { oneIn, least, most, share }: ProbingTuning['pilot']): number {
  return Math.min(most, Math.max(least, problems / oneIn), problems * share) / problems;
}

function isMixed({ attempts, successes }: ProbingState, problem: number): boolean {
  return successes[problem]! > 0 && successes[problem]! < attempts[problem]!;
}

function groupsAfterScreen({ ids, tuning }: Probing, features: FeatureTable, state: ProbingState): Grouping {
  const { attempts, successes, isOut } = state;
  const rates = Float64Array.from(attempts, (made, i) => (isOut[i] === 1 ? NaN : successes[i]! / made));
  const unsolved = Float64Array.from(rates, (rate) => (Number.isNaN(rate) ? rate : Number(rate === 0)));
  return groupByFeatures(ids, features, rates, unsolved, tuning.groups);
}

function learnGroups({ table, tuning }: Probing, state: ProbingState): Float64Array[] {
  const { rounds, sharedBelief } = tuning;
  const counts = countRecords(state);
  const weight = state.isInformed ? sharedBelief.informed : sharedBelief.others;
  const all = fitMixture(table, counts.flat(), undefined, rounds.all);
  return counts.map((records) => fitMixture(table, records, { shares: all, weight }, rounds.group));
}

function countRecords({ attempts, successes, groups, isOut }: ProbingState): RecordCount[][] {
  const counts: Map<number, { successes: number; attempts: number; problems: number }>[] = [];
  for (let i = 0; i < attempts.length; i++) {
    const group = (counts[groups[i]!] ??= new Map());
    if (isOut[i] === 1) continue;
    const record = recordIndex(successes[i]!, attempts[i]!);
    const found = group.get(record);
    if (found !== undefined) found.problems++;
    else group.set(record, { successes: successes[i]!, attempts: attempts[i]!, problems: 1 });
  }
  return Array.from(counts, (group) => [...(group?.values() ?? [])]);
}

/**
 * Returns the stopping rules of all groups at one common price: the price that is expected to reach the target
 * confidence or to use up the budget.
 */
function chooseRules(probing: Probing, state: ProbingState): StoppingRule[] {
  const { goal, table, checkpoints } = probing;
  const populations = learnGroups(probing, state).map((shares) =>
    prepareStopping(checkpoints, table.cells, (successes, trials, into) =>
      cellMasses(table, shares, recordIndex(successes, trials), into),
    ),
  );
  const counts = countRecords(state);
  const spent = state.attempts.reduce((sum, made) => sum + made, 0);
  const price = choosePrice((one) => forecast(checkpoints, counts, populations, one), {
    rollouts: goal.budget - spent,
    error: (1 - goal.confidence) * state.isOut.filter((out) => out === 0).length,
  });
  return populations.map((population) => createStoppingRule(population, price));
}

function forecast(
  checkpoints: readonly number[],
  counts: readonly (readonly RecordCount[])[],
  populations: readonly StoppingProblem[],
  price: number,
): Forecast {
  let rollouts = 0;
  let error = 0;
  counts.forEach((records, group) => {
    const rule = createStoppingRule(populations[group]!, price);
    for (const { successes, attempts, problems } of records) {
      const outlook = rule.outlook(checkpoints.indexOf(attempts), successes);
      rollouts += problems * outlook.rollouts;
      error += problems * outlook.error;
    }
  });
  return { rollouts, error };
}
