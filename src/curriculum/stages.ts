import * as z from 'zod';
import { distilConfig } from './distil.ts';
import { imitateConfig } from './imitate.ts';
import { selectionRule, type StageConfig, stageConfig } from './stage.ts';
import type { LevelRule } from '../difficulty/levels/level-rules.ts';

/** A stage of any kind: `stage()` trains by reinforcement, `imitate()` from examples, `distil()` from a teacher. */
export const anyStageConfig = z.discriminatedUnion('type', [stageConfig, imitateConfig, distilConfig]);

/** A validated stage of any kind. */
export type AnyStage = z.infer<typeof anyStageConfig>;

/** Returns the stages that train by reinforcement. */
export const reinforceStages = (stages: readonly AnyStage[]): StageConfig[] =>
  stages.filter((stage) => stage.type === 'stage');

/** Returns whether a stage harvests the teacher's answers. */
export const isTaught = (stage: AnyStage): boolean =>
  stage.type === 'imitate' &&
  typeof stage.examples !== 'string' &&
  stage.examples.type === 'harvest' &&
  stage.examples.from === 'teacher';

/** Returns the selection of a stage as one rule, or null if the stage selects all problems or uses none. */
export function ruleOfStage(stage: AnyStage): LevelRule | null {
  if (stage.type !== 'imitate') return selectionRule(stage);
  return typeof stage.examples === 'string' ? null : selectionRule(stage.examples);
}

/** Returns the index of the first stage that reads pass rates, or −1. */
export const firstMeasured = (stages: readonly AnyStage[]): number =>
  stages.findIndex((stage) => stage.type === 'stage' || ruleOfStage(stage) !== null);

/**
 * Repeats stages as plain data: `rounds(3, (n) => [imitate(`write-up ${n}`, …), stage(`explore ${n}`, …)])`.
 *
 * @param make returns the stages of round n, counted from 1; their names must differ between rounds.
 */
export function rounds<Stage extends z.input<typeof anyStageConfig>>(
  count: number,
  make: (round: number) => readonly Stage[],
): Stage[] {
  return Array.from({ length: count }, (_, index) => make(index + 1)).flat();
}
