import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng } from '../../core/rng.ts';
import {
  describePlan,
  passRate,
  passRateConfig,
  planProbes,
  type AttemptBatch,
  type AttemptPlan,
} from './pass-rate.ts';
import type { Observation } from '../pass-rates/pass-rate-store.ts';
import { openPassRateStore } from '../pass-rates/sqlite-store.ts';
import { countTrials, mergeTrials, passRateIntervals, posteriorMean } from '../pass-rates/trials.ts';

const settings = fc
  .record({ rollouts: fc.integer({ min: 2, max: 10 }), screening: fc.option(fc.integer({ min: 1, max: 9 })) })
  .filter(({ rollouts, screening }) => screening === null || screening < rollouts);
const ids = ['always', 'never', 'mixed', 'broken'];
const conditions = { model: 'm', temperature: 1, topP: 1, topK: 0, stop: [], maxTokens: 9, verifier: 'v@1' };
const outcomeOf = (id: string, rollout: number) => {
  if (id === 'broken') return 'ungradable' as const;
  if (id === 'mixed') return rollout % 2 === 0 ? ('correct' as const) : ('incorrect' as const);
  return id === 'always' ? ('correct' as const) : ('timeout' as const);
};

const observationsOf = ({ problemIds, firstIndex, rollouts }: AttemptBatch): Observation[] =>
  problemIds.flatMap((problemId) =>
    Array.from({ length: rollouts }, (_, i) => {
      const rollout = firstIndex + i;
      return {
        problemId,
        source: { type: 'base' },
        step: 0,
        rollout,
        outcome: outcomeOf(problemId, rollout),
      };
    }),
  );

test('repeating plan, sample and record makes exactly the configured attempts, even with interruptions', () => {
  fc.assert(
    fc.property(settings, fc.integer(), (config, seed) => {
      using store = openPassRateStore(':memory:');
      const luck = createRng(seed, 'luck');
      const plan = (): AttemptPlan =>
        planProbes(
          { ...config, probing: { type: 'fixed' } },
          ids,
          store.passRates(conditions, { source: { type: 'base' } }),
        );
      for (let next = plan(), rounds = 0; next.batches.length > 0; next = plan()) {
        expect(++rounds).toBeLessThan(200);
        const asked = next.batches.flatMap(observationsOf);
        const arrived = asked.filter(() => luck.next() > 0.3);
        expect(store.record(conditions, arrived)).toBe(arrived.length);
      }
      const made = (id: string): number => store.passRates(conditions).get(id)!.rollouts.length;
      const screened = config.screening ?? config.rollouts;
      const isSeenMixed = screened >= 2;
      expect(ids.map(made)).toEqual([screened, screened, isSeenMixed ? config.rollouts : screened, screened]);
      expect(plan().finished).toBe(ids.length);
    }),
    { numRuns: 30 },
  );
});

test('describePlan reports the cost of a plan', () => {
  const plan = planProbes(
    { rollouts: 24, screening: 4, probing: { type: 'fixed' } },
    ['a', 'b', 'c'],
    new Map([
      ['b', { successes: 1, trials: 2, rollouts: [0, 2], marks: '10' }],
      ['c', { successes: 4, trials: 4, rollouts: [0, 1, 2, 3], marks: '1111' }],
    ]),
  );
  expect(plan.batches).toEqual([
    { problemIds: ['a'], firstIndex: 0, rollouts: 4 },
    { problemIds: ['b'], firstIndex: 1, rollouts: 1 },
    { problemIds: ['b'], firstIndex: 3, rollouts: 1 },
  ]);
  expect(describePlan(plan)).toBe(
    '6 rollouts of 2 problems, then at most 40 more for problems that these leave undecided; 1 problems already known',
  );
});

test('the configuration applies defaults and rejects a screening that uses all rollouts', () => {
  expect(passRateConfig.parse(passRate({ maxTokens: 48 }))).toMatchObject({
    model: 'policy',
    rollouts: 8,
    screening: null,
    prior: { alpha: 1, beta: 1 },
  });
  expect(() => passRateConfig.parse(passRate({ maxTokens: 48, rollouts: 4, screening: 4 }))).toThrow(/fewer/);
});

test('does not count an ungradable attempt as a trial, and merges counts by addition', () => {
  const verdicts = (['correct', 'ungradable', 'timeout', 'unparsed', 'incorrect'] as const).map(
    (outcome) => ({ outcome }),
  );
  expect(countTrials(verdicts)).toEqual({ successes: 1, trials: 4 });
  expect(mergeTrials({ successes: 1, trials: 4 }, { successes: 2, trials: 3 })).toEqual({
    successes: 3,
    trials: 7,
  });
  expect(mergeTrials()).toEqual({ successes: 0, trials: 0 });
});

test('the interval contains the estimate and the posterior mean, includes 0 and 1 if not ruled out, and narrows with trials', () => {
  const prior = { alpha: 1, beta: 1 };
  const intervalOf = passRateIntervals(prior, 0.95);
  const counts = fc
    .integer({ min: 1, max: 60 })
    .chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n)));
  fc.assert(
    fc.property(counts, ([successes, trials]) => {
      const { low, high } = intervalOf({ successes, trials });
      expect(low).toBeLessThanOrEqual(successes / trials);
      expect(high).toBeGreaterThanOrEqual(successes / trials);
      const middle = posteriorMean({ successes, trials }, prior);
      expect(low < middle && middle < high).toBe(true);
      expect([low === 0, high === 1]).toEqual([successes === 0, successes === trials]);
      const more = intervalOf({ successes: successes * 4, trials: trials * 4 });
      expect(more.high - more.low).toBeLessThan(high - low);
    }),
  );
});
