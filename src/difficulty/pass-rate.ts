import * as z from 'zod';
import type { RecordedTrials } from './pass-rate-store.ts';
import { priorConfig } from './trials.ts';

/** How hard each problem is for a model, measured by letting it try: how often, with which sampling, believed how. */
export const passRateConfig = z
  .strictObject({
    type: z.literal('pass-rate'),
    /** Label under which levels speak of these pass rates; `policy` is the model being trained. */
    model: z.string().default('policy'),
    /** Attempts per problem. With 4, a problem of pass rate 0.3 shows 0 of 4 in 24 % of cases. */
    rollouts: z.int().positive().default(8),
    /**
     * Attempts made first; the others follow only where these were neither all right nor all wrong (SPEED-RL, Zhang et
     * al., arXiv 2506.09016). `null`: all attempts for every problem.
     */
    screening: z.int().positive().nullable().default(null),
    temperature: z.number().min(0).default(1),
    topP: z.number().gt(0).max(1).default(1),
    /** Longest attempt in tokens. */
    maxTokens: z.int().positive(),
    prior: priorConfig.prefault({}),
    /** Of every interval shown. */
    confidence: z.number().gt(0).lt(1).default(0.95),
  })
  .refine(({ screening, rollouts }) => screening === null || screening < rollouts, {
    error: 'expected fewer screening rollouts than rollouts',
    path: ['screening'],
  });

/** How pass rates are measured, e.g. `passRate({ rollouts: 24, screening: 4, maxTokens: 4096 })`. */
export function passRate(
  options: Omit<z.input<typeof passRateConfig>, 'type'>,
): z.input<typeof passRateConfig> {
  return { type: 'pass-rate', ...options };
}

/** Problems to attempt alike: `rollouts` attempts each, numbered from `firstIndex`. */
export interface ProbeBatch {
  readonly problemIds: readonly string[];
  readonly firstIndex: number;
  readonly rollouts: number;
}

/** What to sample next, and what that leaves. */
export interface ProbePlan {
  readonly batches: readonly ProbeBatch[];
  /** Attempts in `batches`. */
  readonly rollouts: number;
  /** Most attempts that may follow after these, if every screened problem turns out mixed. */
  readonly laterAtMost: number;
  /** Problems that need nothing more. */
  readonly finished: number;
}

type Settings = Pick<z.infer<typeof passRateConfig>, 'rollouts' | 'screening'>;

/**
 * What to sample next, given what is on record. Sample, record, and plan again until `batches` is empty. Interrupted
 * anywhere it asks for exactly what is missing; ungradable attempts count as made, so a broken problem is not asked
 * for ever.
 *
 * @param measured from `store.measured(conditions, { source, step })`.
 */
export function planProbes(
  settings: Settings,
  problemIds: readonly string[],
  measured: ReadonlyMap<string, RecordedTrials>,
): ProbePlan {
  const byRange = new Map<string, { problemIds: string[]; firstIndex: number; rollouts: number }>();
  let finished = 0;
  let laterAtMost = 0;
  for (const problemId of problemIds) {
    const missing = missingRollouts(settings, measured.get(problemId));
    if (missing.length === 0) finished++;
    else if (missing.at(-1)! < (settings.screening ?? 0))
      laterAtMost += settings.rollouts - settings.screening!;
    for (const [firstIndex, rollouts] of ranges(missing)) {
      const key = `${firstIndex}+${rollouts}`;
      const batch = byRange.get(key) ?? { problemIds: [], firstIndex, rollouts };
      batch.problemIds.push(problemId);
      byRange.set(key, batch);
    }
  }
  const batches = [...byRange.values()];
  const rollouts = batches.reduce((sum, batch) => sum + batch.problemIds.length * batch.rollouts, 0);
  return { batches, rollouts, laterAtMost, finished };
}

/** One line for the log: what a plan costs. */
export function describePlan({ rollouts, laterAtMost, finished, batches }: ProbePlan): string {
  const open = new Set(batches.flatMap((batch) => batch.problemIds)).size;
  const later = laterAtMost > 0 ? `, at most ${laterAtMost} more where these are mixed` : '';
  return `${rollouts} rollouts of ${open} problems${later}; ${finished} problems already known`;
}

const nothing: RecordedTrials = { successes: 0, trials: 0, rollouts: [] };

function missingRollouts({ rollouts, screening }: Settings, recorded = nothing): number[] {
  const made = new Set(recorded.rollouts);
  const missingBelow = (end: number): number[] =>
    Array.from({ length: end }, (_, index) => index).filter((index) => !made.has(index));
  if (screening === null) return missingBelow(rollouts);
  const screen = missingBelow(screening);
  if (screen.length > 0) return screen;
  const isMixed = recorded.successes > 0 && recorded.successes < recorded.trials;
  return isMixed ? missingBelow(rollouts) : [];
}

/** Runs of consecutive numbers as [first, length]. */
function ranges(indices: readonly number[]): [number, number][] {
  const found: [number, number][] = [];
  for (const index of indices) {
    const last = found.at(-1);
    if (last !== undefined && last[0] + last[1] === index) last[1]++;
    else found.push([index, 1]);
  }
  return found;
}
