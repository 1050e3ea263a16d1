import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import { type Missing, planMissing, type AttemptPlan } from './attempt-plan.ts';
import { planAdaptive, probingConfig } from './adaptive.ts';
import type { RecordedPassRates, RecordedTrials } from '../pass-rates/pass-rate-store.ts';
import type { ProblemFeatures } from './feature-table.ts';
import { weighTrials } from './weigh-trials.ts';
import { policyLabel, priorConfig, type PassRates } from '../pass-rates/trials.ts';

export { describePlan, type AttemptBatch, type AttemptPlan } from './attempt-plan.ts';

/** Configures how recorded trials are interpreted. */
const readingConfig = z.strictObject({
  /** Label under which levels find these pass rates; `policy` is the model being trained. */
  model: z.string().default(policyLabel),
  /**
   * `fixed`: `rollouts` attempts at each problem. `adaptive`: at most as many on average, made where they are most
   * informative.
   */
  probing: probingConfig.prefault({ type: 'fixed' }),
  prior: priorConfig.prefault({}),
  /** Confidence level of all displayed intervals. */
  confidence: z.number().gt(0).lt(1).default(0.95),
});

/** The default interpretation of recorded trials. */
export const defaultReading: z.output<typeof readingConfig> = readingConfig.parse({});

/** Configures how pass rates are measured: attempts, sampling, prior. */
export const passRateConfig = z
  .strictObject({
    type: z.literal('pass-rate'),
    ...readingConfig.shape,
    /** Attempts per problem. With only 4, a problem with pass rate 0.3 fails all of them in 24 % of cases. */
    rollouts: z.int().positive().default(8),
    /**
     * Attempts made first; the others follow only if these were neither all correct nor all incorrect (SPEED-RL, Zhang
     * et al., arXiv 2506.09016). `null`: all attempts for every problem.
     */
    screening: z.int().positive().nullable().default(null),
    temperature: z.number().min(0).default(1),
    topP: z.number().gt(0).max(1).default(1),
    /** 0: all tokens. */
    topK: z.int().min(0).default(0),
    /** Strings that end an attempt, besides the model's own end tokens. */
    stop: z.array(z.string().min(1)).default([]),
    /** Longest attempt in tokens. */
    maxTokens: z.int().positive(),
    /** Measure without the environments of the recipe, in one turn. */
    closedBook: z.boolean().optional(),
    /**
     * Store written by `gradus difficulty estimate`; a run takes the base model's pass rates from it instead of
     * measuring them again.
     */
    store: z.string().min(1).optional(),
  })
  .refine(({ screening, rollouts }) => screening === null || screening < rollouts, {
    error: 'expected fewer screening rollouts than rollouts',
    path: ['screening'],
  })
  .refine(({ screening, probing }) => screening === null || probing.type === 'fixed', {
    error: 'expected null with adaptive probing, which has its own screening',
    path: ['screening'],
  });

/** Configures how pass rates are measured, e.g. `passRate({ rollouts: 24, screening: 4, maxTokens: 4096 })`. */
export const passRate = noun(passRateConfig);

/**
 * Returns pass rates as levels and samplers use them. After adaptive probing, which makes few attempts at most
 * problems, trials are weighted by the pass rates of all problems; after fixed probing they are unchanged.
 */
export function readTrials({ probing }: Pick<Settings, 'probing'>, passRates: PassRates): PassRates {
  return probing.type === 'adaptive' ? weighTrials(passRates, probing.horizon) : passRates;
}

type Settings = Pick<z.infer<typeof passRateConfig>, 'rollouts' | 'screening' | 'probing'>;

/**
 * Plans the next attempts, given those recorded so far. Sample and record them, and plan again until `batches` is
 * empty. After an interruption, the plan contains exactly the missing attempts. Ungradable attempts count as made, so
 * planning ends even for a broken problem.
 *
 * @param recorded from `store.passRates(conditions, { source, step })`.
 * @param features features by problem id, from `featuresOf`; only adaptive probing uses them.
 */
export function planProbes(
  settings: Settings,
  problemIds: readonly string[],
  recorded: RecordedPassRates,
  features?: ReadonlyMap<string, ProblemFeatures>,
): AttemptPlan {
  const { rollouts, screening, probing } = settings;
  if (probing.type === 'adaptive') return planAdaptive(probing, rollouts, problemIds, recorded, features);
  return planMissing(problemIds, (id) => missingRollouts(rollouts, screening, recorded.get(id)));
}

function missingRollouts(
  rollouts: number,
  screening: number | null,
  recorded: RecordedTrials | undefined,
): Missing {
  const made = new Set(recorded?.rollouts);
  const missingBelow = (end: number): number[] =>
    Array.from({ length: end }, (_, index) => index).filter((index) => !made.has(index));
  if (screening === null) return { rollouts: missingBelow(rollouts), later: 0 };
  const screen = missingBelow(screening);
  if (screen.length > 0) return { rollouts: screen, later: rollouts - screening };
  const isMixed = recorded !== undefined && recorded.successes > 0 && recorded.successes < recorded.trials;
  return { rollouts: isMixed ? missingBelow(rollouts) : [], later: 0 };
}
