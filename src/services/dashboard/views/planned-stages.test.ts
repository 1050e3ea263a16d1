import { expect, test } from 'vitest';
import { plateau, whenAny, maxSteps } from '../../../curriculum/advance-rules.ts';
import {
  describeRule,
  allOf,
  anyOf,
  inDomain,
  inLevel,
  levelRuleConfig,
  not,
} from '../../../difficulty/levels/level-rules.ts';
import { plannedStages } from './planned-stages.ts';

const stageOf = (settings: object) =>
  plannedStages({ stages: [{ name: 's', maxSteps: 3, sampler: { type: 'uniform' }, ...settings }] })[0]!;

test.each([
  allOf(inLevel('learnable'), not(inLevel('easy'))),
  anyOf(inLevel('a'), allOf(inDomain('math'), inLevel('b'))),
  not(anyOf(inLevel('a'), inLevel('b'))),
])('describes the selection of a stage in the same words as its start event', (rule) => {
  expect(stageOf({ select: rule }).select).toBe(describeRule(levelRuleConfig.parse(rule)));
});

test('formats exit rules and settings in words', () => {
  const advanceWhen = whenAny(plateau({ window: 9 }), maxSteps(4));
  expect(stageOf({ advanceWhen }).advanceWhen).toBe('(plateau (window 9)) or (max-steps (steps 4))');
  expect(stageOf({ select: ['medium', 'hard'] }).select).toBe('in medium or in hard');
  expect(stageOf({})).toMatchObject({
    select: 'every problem',
    remeasure: null,
    sampler: 'uniform',
    gates: [],
  });
});

test('returns no stages for a recipe in an unknown format', () => {
  for (const recipe of [undefined, null, 7, { stages: 'all' }, []]) expect(plannedStages(recipe)).toEqual([]);
});

test('describes a stage that imitates, whose number of steps is known once it has begun', () => {
  const examples = { type: 'harvest', rollouts: 4, choose: 'random' };
  const recipe = { stages: [{ type: 'imitate', name: 'copy', examples, start: 'base' }] };
  expect(plannedStages(recipe)[0]).toMatchObject({
    stage: 'copy',
    maxSteps: null,
    select: 'imitates harvest (rollouts 4, choose random), from the base weights',
    sampler: null,
  });
  expect(plannedStages(recipe, new Map([['copy', 7]]))[0]!.maxSteps).toBe(7);
  const distilled = { stages: [{ type: 'distil', name: 'd', select: 'hard', maxSteps: 3 }] };
  expect(plannedStages(distilled)[0]).toMatchObject({ maxSteps: 3, select: 'in hard', sampler: null });
});
