import * as z from 'zod';
import { ConfigError } from '../core/errors.ts';
import { createLevels, type LevelConfig, type Levels } from '../difficulty/levels/levels.ts';
import type { Prior } from '../difficulty/pass-rates/trials.ts';
import { evaluateAdvance, windowsOf } from './advance.ts';
import { levelsNamedBy } from './samplers/create-sampler.ts';
import type { StageConfig } from './stage.ts';
import { type AnyStage, ruleOfStage } from './stages.ts';

/** The curriculum of a recipe: its levels, and the stages that select by them. */
export interface Curriculum {
  readonly levels: readonly LevelConfig[];
  readonly stages: readonly AnyStage[];
}

/**
 * Checks that the parts of a curriculum are consistent, and returns its levels.
 *
 * @throws {ConfigError} if stage names repeat, a stage selects or samples by an unknown level, or `auto` is used with
 * refills or starts.
 */
export function checkCurriculum({ levels, stages }: Curriculum, prior: Prior): Levels {
  const checked = createLevels(levels, prior);
  const seen = new Set<string>();
  for (const stage of stages) {
    if (seen.has(stage.name)) {
      throw new ConfigError(`stages: expected every name once, got "${stage.name}" twice`);
    }
    seen.add(stage.name);
    const rule = ruleOfStage(stage);
    if (rule !== null) checked.check(rule, `stage "${stage.name}"`);
    if (stage.type !== 'stage') continue;
    checkRefills(stage);
    checkStarts(stage);
    for (const name of levelsNamedBy(stage.sampler))
      checked.check({ type: 'level', level: name }, `stage "${stage.name}", sampler ${stage.sampler.type}`);
  }
  return checked;
}

/**
 * Rejects refills for `auto`, whose comparison with uniform draws assumes equal numbers of rollouts per step.
 */
function checkRefills({ name, sampler, gates, maxRefills }: StageConfig): void {
  if (sampler.type !== 'auto' || gates.length === 0 || maxRefills === 0) return;
  throw new ConfigError(
    `stage "${name}": expected no refills with the sampler auto, got the gate ${gates[0]!.type} with maxRefills ${maxRefills}; ` +
      'auto picks problems with a signal beforehand, so remove the gates, or set maxRefills: 0',
  );
}

/** Rejects starts for `auto`, which chooses problems by the signal of attempts from the prompt. */
function checkStarts({ name, sampler, starts }: StageConfig): void {
  if (sampler.type !== 'auto' || starts === undefined || starts.type === 'prompt') return;
  throw new ConfigError(
    `stage "${name}": expected starts prompt() with the sampler auto, got ${starts.type}(); auto avoids the hard problems that starts ` +
      'are meant for; use uniform()',
  );
}

/** Position of a run in its curriculum, as saved in checkpoints. */
export const curriculumState = z.strictObject({
  /** 0-based index of the current stage; the number of stages once all are done. */
  stage: z.int().min(0),
  /** Number of steps completed in this stage. */
  step: z.int().min(0),
  /**
   * Input of the stage's advance rule: metric → [step, value], oldest first, no longer than the rule needs.
   */
  series: z.record(z.string(), z.array(z.tuple([z.int(), z.number()]))),
});

/** See `curriculumState`. */
export type CurriculumState = z.infer<typeof curriculumState>;

/** Returns the state at the beginning of the first stage. */
export const curriculumStart: CurriculumState = { stage: 0, step: 0, series: {} };

/** Decision after a step, with its reason as text. */
export interface CurriculumDecision {
  readonly type: 'continue' | 'advance' | 'finish';
  readonly reason: string;
}

/**
 * Computes the state after one more training step: the same stage, the next one, or the end. The function is pure, so a
 * resumed run makes the same decisions as an uninterrupted one.
 *
 * @param metrics metrics of the step; an absent metric was not measured.
 * @param lastStep last step of the stage; default: its `maxSteps`.
 */
export function afterStep(
  stages: readonly AnyStage[],
  state: CurriculumState,
  metrics: Readonly<Record<string, number>>,
  lastStep?: number,
): { readonly state: CurriculumState; readonly decision: CurriculumDecision } {
  const stage = stages[state.stage];
  if (stage === undefined) throw new RangeError('the curriculum has ended; expected no further step');
  const advanceWhen = stage.type === 'stage' ? stage.advanceWhen : undefined;
  const progressed = record(advanceWhen, state, metrics);
  const { ends, reason } = judge(advanceWhen, lastStep ?? stage.maxSteps ?? Infinity, progressed);
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
  advanceWhen: StageConfig['advanceWhen'],
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

function judge(
  advanceWhen: StageConfig['advanceWhen'],
  lastStep: number,
  { step, series }: CurriculumState,
): { ends: boolean; reason: string } {
  const early = advanceWhen && evaluateAdvance(advanceWhen, { steps: step, series });
  if (early?.fired === true) return { ends: true, reason: early.reason };
  const steps = `${step} of at most ${lastStep} steps done`;
  return { ends: step >= lastStep, reason: early === undefined ? steps : `${steps}; ${early.reason}` };
}
