import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../core/errors.ts';
import { paperLevels, simpleLevels } from './level-presets.ts';
import {
  allOf,
  anyOf,
  band,
  inDomain,
  inLevel,
  levelRuleConfig,
  not,
  thin,
  type LevelRuleInput,
} from './level-rules.ts';
import { createLevels, level, levelConfig, type Levels } from './levels.ts';
import type { LevelSubject } from './evaluate-rule.ts';

const prior = { alpha: 1, beta: 1 };
const build = (...inputs: Parameters<typeof levelConfig.parse>[0][]): Levels =>
  createLevels(
    inputs.map((input) => levelConfig.parse(input)),
    prior,
  );
const subject = (passRates: Record<string, [number, number]>, domain = 'math', id = 'q'): LevelSubject => ({
  id,
  domain,
  passRates: Object.fromEntries(
    Object.entries(passRates).map(([model, [successes, trials]]) => [model, { successes, trials }]),
  ),
});
const policy = (successes: number, trials: number): LevelSubject => subject({ policy: [successes, trials] });

const trials = fc
  .integer({ min: 0, max: 20 })
  .chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n)));
const bandInput = fc
  .tuple(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([a, b, excludeMin, excludeMax]) =>
    band({ min: Math.min(a, b), max: Math.max(a, b), excludeMin, excludeMax }),
  );

describe('simple levels', () => {
  const levels = build(...simpleLevels());

  test('the documented bounds are inclusive', () => {
    expect(levels.of(policy(0, 8))).toEqual(['hard']);
    expect(levels.of(policy(2, 8))).toEqual(['hard', 'learnable']);
    expect(levels.of(policy(3, 8))).toEqual(['medium', 'learnable']);
    expect(levels.of(policy(6, 8))).toEqual(['medium', 'learnable']);
    expect(levels.of(policy(7, 8))).toEqual(['easy', 'learnable']);
    expect(levels.of(policy(8, 8))).toEqual(['easy']);
    expect(levels.of(policy(0, 0))).toEqual([]);
  });

  test('every measured problem is in exactly one of easy, medium, hard, and learnable is 0 < p < 1', () => {
    fc.assert(
      fc.property(
        trials.filter(([, n]) => n > 0),
        ([s, n]) => {
          const found = levels.of(policy(s, n));
          expect(found.filter((name) => name !== 'learnable')).toHaveLength(1);
          expect(found.includes('learnable')).toBe(s > 0 && s < n);
        },
      ),
    );
  });

  test('with intervals, learnable is certain for the same problems as with points; after few trials, the others stay undecided', () => {
    const careful = build(...simpleLevels({ by: 'interval' }));
    fc.assert(
      fc.property(trials, ([s, n]) => {
        expect(careful.membership('learnable', policy(s, n))).toBe(s > 0 && s < n ? 'certain' : 'possible');
      }),
    );
    expect(careful.membership('easy', policy(8, 8))).toBe('possible');
    expect(careful.membership('easy', policy(80, 80))).toBe('certain');
    expect(careful.membership('hard', policy(80, 80))).toBe('no');
  });
});

test('a higher confidence never makes a possible member certain', () => {
  fc.assert(
    fc.property(bandInput, trials, (rule, [s, n]) => {
      const levels = build(
        level('loose', rule, { by: 'interval', confidence: 0.8 }),
        level('strict', rule, { by: 'interval', confidence: 0.99 }),
      );
      const strict = levels.membership('strict', policy(s, n));
      expect(strict === 'possible' || strict === levels.membership('loose', policy(s, n))).toBe(true);
    }),
  );
});

test('rules combine by three-valued logic', () => {
  const rule = fc.letrec<{ rule: LevelRuleInput }>((tie) => ({
    rule: fc.oneof(
      { maxDepth: 3 },
      bandInput,
      fc.array(tie('rule'), { minLength: 1, maxLength: 3 }).map((rules) => allOf(...rules)),
      fc.array(tie('rule'), { minLength: 1, maxLength: 3 }).map((rules) => anyOf(...rules)),
      tie('rule').map((inner) => not(inner)),
    ),
  })).rule;
  fc.assert(
    fc.property(rule, rule, trials, (a, b, [s, n]) => {
      const levels = build(
        level('and', allOf(a, b), { by: 'interval' }),
        level('de-morgan', not(anyOf(not(a), not(b))), { by: 'interval' }),
        level('a', a),
        level('not a', not(a)),
      );
      const problem = policy(s, n);
      expect(levels.membership('de-morgan', problem)).toBe(levels.membership('and', problem));
      const both = [levels.membership('a', problem), levels.membership('not a', problem)];
      expect(n === 0 || !both.includes('possible')).toBe(true);
      expect(both.filter((found) => found === 'certain').length).toBe(both.includes('possible') ? 0 : 1);
    }),
  );
});

describe('thinning', () => {
  const half = build(level('half', thin(band({}), { share: 0.5, seed: 3, domain: 'math' })));
  const taken = (seed: number, share: number): Set<string> => {
    const levels = build(level('some', thin(band({ max: 1 }), { share, seed })));
    const ids = Array.from({ length: 2000 }, (_, i) => `p${i}`);
    return new Set(ids.filter((id) => levels.of(subject({ policy: [1, 2] }, 'math', id)).length > 0));
  };

  test('keeps a share that depends on the seed; a larger share contains the smaller one', () => {
    expect(taken(1, 0.5).size / 2000).toBeCloseTo(0.5, 1);
    expect(taken(1, 0.5)).toEqual(taken(1, 0.5));
    expect(taken(2, 0.5)).not.toEqual(taken(1, 0.5));
    const larger = taken(1, 0.7);
    expect([...taken(1, 0.5)].every((id) => larger.has(id))).toBe(true);
    expect([taken(1, 0).size, taken(1, 1).size]).toEqual([0, 2000]);
  });

  test('problems of other domains pass unchanged', () => {
    for (let i = 0; i < 20; i++)
      expect(half.of(subject({ policy: [1, 2] }, 'code', `c${i}`))).toEqual(['half']);
  });
});

describe("the paper's levels", () => {
  const levels = build(...paperLevels({ seed: 5 }));
  const rates = (small: number, medium: number, large: number, judge: number): LevelSubject =>
    subject({ small: [small, 4], medium: [medium, 4], large: [large, 4], judge: [judge, 4] });

  test.each([
    [rates(2, 4, 0, 4), ['L1', 'L3'], 'small sometimes, large never'],
    [rates(2, 2, 1, 4), ['L1', 'L2', 'L3'], 'in all three'],
    [rates(0, 4, 0, 1), ['L2', 'L3'], 'small never, medium always'],
    [rates(0, 0, 0, 1), ['L3'], 'only the judge can'],
    [rates(2, 2, 0, 0), [], 'the judge never can: dropped'],
    [rates(4, 3, 1, 4), ['L3'], 'small always, medium sometimes is not in L2'],
  ])('assigns problem %# to the documented levels', (problem, expected) => {
    expect(levels.of(problem)).toEqual(expected);
  });

  test('L3 keeps about half of the math and a tenth of the code that the large model solves', () => {
    const share = (domain: string): number => {
      const all = Array.from({ length: 3000 }, (_, i) =>
        subject({ small: [4, 4], medium: [4, 4], large: [4, 4], judge: [4, 4] }, domain, `${domain}${i}`),
      );
      return all.filter((problem) => levels.of(problem).includes('L3')).length / all.length;
    };
    expect(share('math')).toBeCloseTo(0.5, 1);
    expect(Math.abs(share('code') - 0.1)).toBeLessThan(0.02);
  });

  test('describes the rules of levels with their thresholds', () => {
    expect(levels.describe()).toEqual([
      'L1: 0 < p(judge) and 0 < p(small) < 1 (point estimates)',
      'L2: 0 < p(judge) and ((p(small) = 0 and p(medium) = 1) or (p(small) = 0 and 0 < p(medium) < 1) or (0 < p(small) < 1 and 0 < p(medium) < 1)) (point estimates)',
      'L3: 0 < p(judge) and (p(large) < 0.5 or (10 % of code (seed 5) where (50 % of math (seed 5) where 0.5 ≤ p(large)))) (point estimates)',
    ]);
  });
});

describe('naming levels', () => {
  test('levels and domains can be combined in a selection', () => {
    const levels = build(...simpleLevels());
    const joint = levelRuleConfig.parse(
      anyOf(allOf(inDomain('math'), inLevel('easy')), allOf(inDomain('code'), inLevel('hard'))),
    );
    expect(levels.matches(joint, subject({ policy: [8, 8] }, 'math'))).toBe(true);
    expect(levels.matches(joint, subject({ policy: [8, 8] }, 'code'))).toBe(false);
    expect(levels.matches(joint, subject({ policy: [0, 8] }, 'code'))).toBe(true);
  });

  test('includes unmeasured problems if the level accepts possible members', () => {
    const levels = build(level('open', band({ max: 0.5 }), { acceptPossible: true }));
    expect(levels.of(policy(0, 0))).toEqual(['open']);
    expect(levels.of(policy(2, 2))).toEqual([]);
  });

  test('rejects unknown names, repeated names and circular definitions, and names the invalid level', () => {
    expect(() => build(level('a', inLevel('b')))).toThrow(/expected the name of a level, got "b"; levels: a/);
    expect(() => build(level('a', band({})), level('a', band({})))).toThrow(/"a" twice/);
    expect(() => build(level('a', inLevel('b')), level('b', not(inLevel('a'))))).toThrow(/a → b → a/);
    expect(() => build(level('a', inLevel('a')))).toThrow(ConfigError);
  });

  test('rejects a misspelt key of a rule', () => {
    expect(() => levelConfig.parse(level('a', { type: 'band', maximum: 1 } as LevelRuleInput))).toThrow(
      /maximum/,
    );
  });
});
