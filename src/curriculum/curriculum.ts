import * as z from 'zod';
import { ConfigError } from '../core/errors.ts';
import { createLevels, type LevelConfig, type Levels } from '../difficulty/levels/levels.ts';
import type { Prior } from '../difficulty/pass-rates/trials.ts';
import { evaluateAdvance, windowsOf } from './advance.ts';
import { levelsNamedBy } from './samplers/create-sampler.ts';
import { selectionRule, type StageConfig } from './stage.ts';

/** Levels, and the stages that select by them: the part of a recipe that is its curriculum. */
export interface Curriculum {
  readonly levels: readonly LevelConfig[];
  readonly stages: readonly StageConfig[];
}

/**
 * The levels of a curriculum, after checking that the parts fit together.
 *
 * @throws {ConfigError} when stage names repeat or a stage selects or samples by a level there is none of.
 */
export function checkCurriculum({ levels, stages }: Curriculum, prior: Prior): Levels {
  const checked = createLevels(levels, prior);
  const seen = new Set<string>();
  for (const stage of stages) {
    if (seen.has(stage.name)) {
      throw new ConfigError(`stages: expected every name once, got "${stage.name}" twice`);
    }
    seen.add(stage.name);
    const rule = selectionRule(stage);
    if (rule !== null) checked.check(rule, `stage "${stage.name}"`);
    for (const name of levelsNamedBy(stage.sampler))
      checked.check({ type: 'level', level: name }, `stage "${stage.name}", sampler ${stage.sampler.type}`);
  }
  return checked;
}

/** Where a run is in its curriculum: all there is to save. */
export const curriculumState = z.strictObject({
  /** 0-based index of the current stage; the number of stages once all are done. */
  stage: z.int().min(0),
  /** Steps done in it. */
  step: z.int().min(0),
  /** What the stage's advance rule looks at: metric → [step, value], oldest first, no longer than needed. */
  series: z.record(z.string(), z.array(z.tuple([z.int(), z.number()]))),
});

/** See `curriculumState`. */
export type CurriculumState = z.infer<typeof curriculumState>;

/** The beginning of the first stage. */
export const curriculumStart: CurriculumState = { stage: 0, step: 0, series: {} };

/** What follows from a step, with the reason in words. */
export interface CurriculumDecision {
  readonly type: 'continue' | 'advance' | 'finish';
  readonly reason: string;
}

/**
 * The state after one more step of training: stays in the stage, goes on to the next, or is done. Pure: the same
 * state and metrics give the same answer, so a resumed run goes the way the uninterrupted one went.
 *
 * @param metrics of the step; an absent metric was not measured.
 */
export function afterStep(
  stages: readonly StageConfig[],
  state: CurriculumState,
  metrics: Readonly<Record<string, number>>,
): { readonly state: CurriculumState; readonly decision: CurriculumDecision } {
  const stage = stages[state.stage];
  if (stage === undefined) throw new RangeError('the curriculum has ended; expected no further step');
  const progressed = record(stage, state, metrics);
  const { ends, reason } = judge(stage, progressed);
  if (!ends) return { state: progressed, decision: { type: 'continue', reason } };
  const next = state.stage + 1;
  return {
    state: { stage: next, step: 0, series: {} },
    decision: {
      type: next < stages.length ? 'advance' : 'finish',
      reason: `stage "${stage.name}" ends: ${reason}`,
    },
  };
}

function record(
  { advanceWhen }: StageConfig,
  { stage, step, series }: CurriculumState,
  metrics: Readonly<Record<string, number>>,
): CurriculumState {
  const windows = advanceWhen === undefined ? {} : windowsOf(advanceWhen);
  const kept = Object.entries(windows).map(([metric, window]) => {
    const value = metrics[metric];
    const before = series[metric] ?? [];
    const now = value === undefined ? before : [...before, [step, value] satisfies [number, number]];
    return [metric, now.slice(-window)];
  });
  return { stage, step: step + 1, series: Object.fromEntries(kept) as CurriculumState['series'] };
}

function judge(stage: StageConfig, { step, series }: CurriculumState): { ends: boolean; reason: string } {
  const early = stage.advanceWhen && evaluateAdvance(stage.advanceWhen, { steps: step, series });
  if (early?.fired === true) return { ends: true, reason: early.reason };
  const steps = `${step} of at most ${stage.maxSteps} steps done`;
  return { ends: step >= stage.maxSteps, reason: early === undefined ? steps : `${steps}; ${early.reason}` };
}
