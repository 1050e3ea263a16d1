import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import {
  afterWave,
  posteriors,
  createProbing,
  nextWave,
  type Probing,
  type ProbingState,
  startProbing,
  type Wave,
} from './adaptive-waves.ts';
import type { Posterior } from './posterior.ts';
import { cutConfig, neverSometimesAlways } from './cut-points.ts';
import { createFeatureTable, type ProblemFeatures } from './feature-table.ts';
import type { RecordedPassRates, RecordedTrials } from '../pass-rates/pass-rate-store.ts';
import { planMissing, type AttemptPlan } from './attempt-plan.ts';

const priorSource = z.enum(['likelihood', 'stated', 'known']);

/** A source of evidence about problems before their attempts. */
export type PriorSource = z.infer<typeof priorSource>;

const adaptiveConfig = z.strictObject({
  type: z.literal('adaptive'),
  /** Boundaries of the cells, ascending. The default separates problems that are never, sometimes and always solved. */
  cuts: z
    .array(cutConfig)
    .min(1)
    .default([...neverSometimesAlways])
    .refine((cuts) => cuts.every(({ at }, i) => i === 0 || at >= cuts[i - 1]!.at), {
      error: 'expected ascending cuts',
    }),
  /**
   * Number of attempts to which levels refer, and the maximum per problem: "never" means never in this many attempts.
   */
  horizon: z.int().min(2).max(256).default(64),
  /** Number of initial attempts at every problem. */
  screen: z.int().positive().default(1),
  /** Target share of problems in the right cell; probing ends once the expected share reaches it. */
  confidence: z.number().gt(0).lt(1).default(0.95),
  /**
   * Evidence that predicts pass rates before any attempt, besides a problem's kind and source. `likelihood`: the
   * model's log-probability of the gold answer and of the worked solution, one forward pass each; requires local
   * weights. `stated`: pass rates published with the data. `known`: the recipe's `knownPassRates` of other models.
   * `[]`: none of these.
   */
  prior: z.array(priorSource).default(['stated', 'known']),
});

/** Configures how attempts are divided among problems. */
export const probingConfig = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('fixed') }),
  adaptiveConfig,
]);

/** A validated `adaptive` configuration. */
type AdaptiveConfig = z.infer<typeof adaptiveConfig>;

/**
 * Makes attempts where they are most informative, e.g. `passRate({ rollouts: 8, maxTokens: 4096, probing: adaptive() })`.
 */
export const adaptive = noun(adaptiveConfig);

type Features = ReadonlyMap<string, ProblemFeatures>;

/**
 * Plans the next attempts of adaptive probing. Replays all waves from the recorded attempts up to the first incomplete
 * one, so an interrupted measurement continues with exactly the attempts that it would have made.
 *
 * @param rollouts budget: attempts per problem, on average.
 */
export function planAdaptive(
  config: AdaptiveConfig,
  rollouts: number,
  problemIds: readonly string[],
  recorded: RecordedPassRates,
  features?: Features,
): AttemptPlan {
  const { wave, state, probing } = replay(config, rollouts, problemIds, recorded, features);
  const at = new Map(problemIds.map((id, i) => [id, i]));
  const plan = planMissing(problemIds, (id) => ({
    rollouts: wave === null ? [] : missingIn(wave[at.get(id)!]!, recorded.get(id)),
    later: 0,
  }));
  if (wave === null) return plan;
  const planned = wave.reduce((sum, attempts) => sum + attempts, 0);
  const room = state.attempts.length * config.horizon - planned;
  return { ...plan, laterAtMost: Math.min(room, probing.goal.budget - planned) };
}

/** Returns the posterior of each problem, by id, after all complete waves in the record. */
export function posteriorsOf(
  config: AdaptiveConfig,
  rollouts: number,
  problemIds: readonly string[],
  recorded: RecordedPassRates,
  features?: Features,
): Map<string, Posterior> {
  const { probing, state } = replay(config, rollouts, problemIds, recorded, features);
  const belief = posteriors(probing, state);
  return new Map(problemIds.map((id, i) => [id, belief(i)]));
}

interface Replayed {
  readonly probing: Probing;
  readonly state: ProbingState;
  /** The first wave whose attempts are not all recorded; null once probing has ended. */
  readonly wave: Wave | null;
}

function replay(
  config: AdaptiveConfig,
  rollouts: number,
  ids: readonly string[],
  recorded: RecordedPassRates,
  features: Features | undefined,
): Replayed {
  const table = features === undefined ? null : createFeatureTable(ids.map((id) => features.get(id)));
  const probing = createProbing(ids, table, { ...config, budget: rollouts * ids.length });
  let state = startProbing(probing);
  for (;;) {
    const wave = nextWave(probing, state);
    const isComplete = wave?.every((end, i) => missingIn(end, recorded.get(ids[i]!)).length === 0);
    if (wave === null || isComplete !== true) return { probing, state, wave };
    state = afterWave(probing, state, wave, (i, attempts) => successesAmong(attempts, recorded.get(ids[i]!)));
  }
}

/** Returns the indices below `end` of attempts that are not recorded. */
function missingIn(end: number, recorded: RecordedTrials | undefined): number[] {
  const made = new Set(recorded?.rollouts);
  return Array.from({ length: end }, (_, index) => index).filter((index) => !made.has(index));
}

/**
 * Returns the successes among the first attempts, scaled up as if ungradable ones had the same pass rate; null if
 * none could be graded.
 */
function successesAmong(attempts: number, recorded: RecordedTrials | undefined): number | null {
  const marks = (recorded?.marks ?? '').slice(0, attempts);
  const successes = marks.replaceAll(/[^1]/g, '').length;
  const graded = marks.replaceAll('-', '').length;
  return graded === 0 ? null : Math.round((successes * attempts) / graded);
}
