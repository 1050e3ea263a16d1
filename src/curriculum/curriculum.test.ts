import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError, DataError } from '../core/errors.ts';
import { simpleLevels } from '../difficulty/levels/level-presets.ts';
import { levelConfig } from '../difficulty/levels/levels.ts';
import { allOf, anyOf, inDomain, inLevel } from '../difficulty/levels/level-rules.ts';
import type { LevelSubject } from '../difficulty/levels/evaluate-rule.ts';
import { zeroAdvantage } from './gates/zero-advantage.ts';
import { auto } from './samplers/auto.ts';
import { plateau, targetRate } from './advance-rules.ts';
import {
  afterStep,
  checkCurriculum,
  curriculumStart,
  curriculumState,
  type Curriculum,
  type CurriculumState,
} from './curriculum.ts';
import { dropSettled, selectPool } from './select-pool.ts';
import { stage, stageConfig } from './stage.ts';

const prior = { alpha: 1, beta: 1 };
const build = (...stages: ReturnType<typeof stage>[]): Curriculum => ({
  levels: simpleLevels().map((one) => levelConfig.parse(one)),
  stages: stages.map((one) => stageConfig.parse(one)),
});
const metric = (value: number) => ({ 'reward/mean': value, 'rollout/length/mean': 12 });

describe('the stage machine', () => {
  const { stages } = build(
    stage('easy', { select: 'easy', maxSteps: 10, advanceWhen: targetRate({ above: 0.8, window: 2 }) }),
    stage('hard', { select: ['medium', 'hard'], maxSteps: 3 }),
  );

  test('advances when the rule fires, ends after the last stage, and reports the reason', () => {
    let state: CurriculumState = curriculumStart;
    const log: string[] = [];
    for (const value of [0.5, 0.7, 0.9, 0.9, 0.1, 0.1, 0.1]) {
      const result = afterStep(stages, state, metric(value));
      state = result.state;
      log.push(`${result.decision.type}: ${result.decision.reason}`);
    }
    expect(log).toEqual([
      'continue: 1 of at most 10 steps done; reward/mean: 1 of 2 values measured',
      'continue: 2 of at most 10 steps done; reward/mean averages 0.6 over 2 steps, not above 0.8',
      'continue: 3 of at most 10 steps done; reward/mean averages 0.8 over 2 steps, not above 0.8',
      'advance: stage "easy" ends: reward/mean averages 0.9 over 2 steps, above 0.8',
      'continue: 1 of at most 3 steps done',
      'continue: 2 of at most 3 steps done',
      'finish: stage "hard" ends: 3 of at most 3 steps done',
    ]);
    expect(() => afterStep(stages, state, {})).toThrow(/has ended/);
  });

  test('a step without the metric counts as a step but adds no value', () => {
    const first = afterStep(stages, curriculumStart, metric(0.9)).state;
    const second = afterStep(stages, first, {}).state;
    expect(second.series).toEqual({ 'reward/mean': [[0, 0.9]] });
    expect(afterStep(stages, second, metric(0.9)).decision.type).toBe('advance');
  });

  test('always ends, keeps no more values than its window, and continues from JSON as if uninterrupted', () => {
    const plan = build(
      stage('a', { maxSteps: 25, advanceWhen: plateau({ window: 8 }) }),
      stage('b', { maxSteps: 20, advanceWhen: targetRate({ above: 0.9, window: 5 }) }),
      stage('c', { maxSteps: 5 }),
    ).stages;
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.double({ min: 0, max: 1, noNaN: true })), { minLength: 50, maxLength: 50 }),
        (values) => {
          let state: CurriculumState = curriculumStart;
          let copy: CurriculumState = curriculumStart;
          const types: string[] = [];
          for (const value of values) {
            if (types.at(-1) === 'finish') break;
            const metrics = value === null ? {} : metric(value);
            const result = afterStep(plan, state, metrics);
            const again = afterStep(plan, copy, metrics);
            expect(again).toEqual(result);
            state = result.state;
            copy = curriculumState.parse(JSON.parse(JSON.stringify(again.state)));
            types.push(result.decision.type);
            for (const series of Object.values(state.series)) expect(series.length).toBeLessThanOrEqual(8);
          }
          expect(types.at(-1)).toBe('finish');
          expect(types.filter((type) => type === 'advance')).toHaveLength(2);
          expect(state.stage).toBe(3);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('checking a curriculum', () => {
  test('rejects a stage that selects by an unknown level or repeats a name', () => {
    const unknown = build(stage('warm-up', { select: 'esay', maxSteps: 1 }));
    expect(() => checkCurriculum(unknown, prior)).toThrow(
      /stage "warm-up": expected the name of a level, got "esay"; levels: easy, medium, hard, learnable/,
    );
    const twice = build(stage('a', { maxSteps: 1 }), stage('a', { maxSteps: 1 }));
    expect(() => checkCurriculum(twice, prior)).toThrow(ConfigError);
  });

  test('rejects refilling gates with the sampler auto', () => {
    const refilling = { sampler: auto(), gates: [zeroAdvantage()], maxSteps: 1 };
    expect(() => checkCurriculum(build(stage('a', refilling)), prior)).toThrow(
      /stage "a": expected no refills with the sampler auto, got the gate zero-advantage with maxRefills 2.*maxRefills: 0/,
    );
    checkCurriculum(build(stage('a', { ...refilling, maxRefills: 0 })), prior);
  });

  test('rejects unknown keys of a stage', () => {
    expect(() => build(stage('a', { maxSteps: 1, maxToken: 5 } as never))).toThrow(/maxToken/);
  });

  test('by default, a stage uses every problem, the uniform sampler and no gates', () => {
    expect(build(stage('a', { maxSteps: 1 })).stages[0]).toEqual({
      type: 'stage',
      name: 'a',
      sampler: { type: 'uniform' },
      gates: [],
      maxRefills: 2,
      maxSteps: 1,
      reference: 'run',
    });
  });
});

describe('selecting', () => {
  const subjects: LevelSubject[] = [0, 1, 4, 7, 8].flatMap((successes) =>
    ['math', 'code'].map((domain) => ({
      id: `${domain}/${successes}`,
      domain,
      passRates: { policy: { successes, trials: 8 } },
    })),
  );
  const levels = checkCurriculum(build(stage('a', { maxSteps: 1 })), prior);
  const idsOf = (select: Parameters<typeof stage>[1]['select']): string[] => {
    const [config] = build(stage('a', { maxSteps: 1, ...(select !== undefined && { select }) })).stages;
    return selectPool(config!, subjects, levels).pool.map(({ id }) => id);
  };

  test('selects by one name, several names, a rule, or nothing (every problem)', () => {
    expect(idsOf('medium')).toEqual(['math/4', 'code/4']);
    expect(idsOf(['medium', 'easy'])).toEqual(['math/4', 'code/4', 'math/7', 'code/7', 'math/8', 'code/8']);
    const joint = anyOf(allOf(inDomain('math'), inLevel('easy')), allOf(inDomain('code'), inLevel('hard')));
    expect(idsOf(joint)).toEqual(['code/0', 'code/1', 'math/7', 'math/8']);
    expect(idsOf(undefined)).toHaveLength(10);
  });

  test('returns each problem with levels and trials, and describes the selection', () => {
    const { pool, summary } = selectPool({ name: 'a', select: 'easy' }, subjects, levels);
    expect(pool[0]).toEqual({
      id: 'math/7',
      domain: 'math',
      levels: ['easy', 'learnable'],
      measured: { successes: 7, trials: 8 },
    });
    expect(summary).toBe('4 of 10 problems: in easy');
  });

  test('an empty selection throws an error that lists the size of every level', () => {
    const unmeasured = subjects.map(({ id, domain }) => ({ id, domain, passRates: {} }));
    const select = (): unknown => selectPool({ name: 'a', select: 'easy' }, unmeasured, levels);
    expect(select).toThrow(DataError);
    expect(select).toThrow(/in easy, found none among 10; measured 0, in levels: easy 0, medium 0/);
  });

  test('dropSettled drops problems that are now always or never solved, and keeps unmeasured ones', () => {
    const all = selectPool(
      { name: 'a', select: undefined },
      [...subjects, { id: 'new', domain: 'math', passRates: {} }],
      levels,
    );
    const kept = dropSettled(all, { dropAlwaysSolved: true, dropNeverSolved: false });
    expect(kept.pool.map(({ id }) => id)).not.toContain('math/8');
    expect(kept.pool).toHaveLength(9);
    expect(kept.summary).toMatch(/2 always solved and 0 never solved left out, 9 remain/);
    expect(dropSettled(all, { dropAlwaysSolved: true, dropNeverSolved: true }).pool).toHaveLength(7);
    const solved = { ...all, pool: all.pool.filter(({ id }) => id.endsWith('/8')) };
    expect(() => dropSettled(solved, { dropAlwaysSolved: true, dropNeverSolved: false })).toThrow(DataError);
  });
});
