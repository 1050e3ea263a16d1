import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng, hashKey, uniformAt } from '../../core/rng.ts';
import { afterWave, createProbing, nextWave, posteriors, startProbing } from './adaptive-waves.ts';
import { createFeatureTable, type FeatureTable } from './feature-table.ts';
import { adaptive, posteriorsOf, planAdaptive, probingConfig } from './adaptive.ts';
import { cellOf, type Cut, equalBands, neverSometimesAlways } from './cut-points.ts';
import type { Observation } from '../pass-rates/pass-rate-store.ts';
import { passRate, passRateConfig } from './pass-rate.ts';
import type { AttemptPlan } from './attempt-plan.ts';
import { groupByFeatures } from './feature-groups.ts';
import { openPassRateStore } from '../pass-rates/sqlite-store.ts';

const conditions = { model: 'm', temperature: 1, topP: 1, topK: 0, stop: [], maxTokens: 9, verifier: 'v@1' };
const parse = (options: Parameters<typeof adaptive>[0]) => {
  const config = probingConfig.parse(adaptive(options));
  if (config.type !== 'adaptive') throw new Error('expected adaptive probing');
  return config;
};

/**
 * Returns a world in which some problems are never solved, some are always solved, and the others have evenly spread
 * pass rates. Each problem contains a word that hints at its rate.
 */
function world(seed: number, count: number) {
  const ids = Array.from({ length: count }, (_, i) => `p${i}`);
  const rateOf = new Map(
    ids.map((id, i) => {
      const draw = uniformAt(seed, i, 0);
      return [id, draw < 0.2 ? 0 : draw > 0.85 ? 1 : uniformAt(seed, i, 1)];
    }),
  );
  const outcomeOf = (id: string, rollout: number): Observation['outcome'] => {
    if (id === 'p0') return 'ungradable';
    return uniformAt(hashKey(seed, id), rollout) < rateOf.get(id)! ? 'correct' : 'incorrect';
  };
  const features = new Map(
    ids.map((id) => [id, { words: [`hint ${Math.round(8 * rateOf.get(id)!)}`], values: {} }]),
  );
  return { ids, rateOf, outcomeOf, features };
}

type World = ReturnType<typeof world>;

function observationsOf({ outcomeOf }: World, plan: AttemptPlan): Observation[] {
  return plan.batches.flatMap(({ problemIds, firstIndex, rollouts }) =>
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
    ),
  );
}

/** Probes until no attempt is missing; each round records only the share `arriving` of the requested attempts. */
function probe(here: World, config: ReturnType<typeof parse>, rollouts: number, arriving = 1, seed = 0) {
  using store = openPassRateStore(':memory:');
  const luck = createRng(seed, 'luck');
  for (let round = 0; ; round++) {
    const plan = planAdaptive(config, rollouts, here.ids, store.passRates(conditions), here.features);
    if (plan.batches.length === 0) break;
    expect(round).toBeLessThan(400);
    const asked = observationsOf(here, plan);
    const arrived = asked.filter((_, i) => i === 0 || luck.next() < arriving);
    expect(store.record(conditions, arrived)).toBe(arrived.length);
  }
  const measured = store.passRates(conditions);
  const spent = [...measured.values()].reduce((sum, { rollouts: made }) => sum + made.length, 0);
  return { measured, spent };
}

test('probing ends within its budget, is deterministic, and survives interruption at any point', () => {
  const goals = fc.record({
    seed: fc.integer(),
    count: fc.integer({ min: 1, max: 40 }),
    rollouts: fc.integer({ min: 1, max: 10 }),
    confidence: fc.double({ min: 0.5, max: 0.99, noNaN: true }),
    horizon: fc.integer({ min: 2, max: 32 }),
    screen: fc.integer({ min: 1, max: 5 }),
    cuts: fc.constantFrom(neverSometimesAlways, equalBands(5)),
  });
  fc.assert(
    fc.property(goals, ({ seed, count, rollouts, ...options }) => {
      const here = world(seed, count);
      const config = parse({ ...options, cuts: [...options.cuts] });
      const whole = probe(here, config, rollouts);
      expect(whole.spent).toBeLessThanOrEqual(rollouts * count);
      expect(probe(here, config, rollouts)).toEqual(whole);
      expect(probe(here, config, rollouts, 0.6, seed)).toEqual(whole);
      for (const { rollouts: made } of whole.measured.values()) {
        expect(made.length).toBeLessThanOrEqual(options.horizon);
      }
    }),
    { numRuns: 8 },
  );
});

test('stops attempting a problem that cannot be graded', () => {
  const here = world(3, 30);
  const { measured } = probe(here, parse({ screen: 2, horizon: 16, confidence: 0.99 }), 16);
  expect(measured.get('p0')!.rollouts.length).toBe(2);
});

test('an ungradable problem costs only its screening attempts, and its budget goes to others', () => {
  const here = world(5, 300);
  const isBroken = (id: string): boolean => Number(id.slice(1)) % 4 === 0;
  const outcomeOf: World['outcomeOf'] = (id, rollout) =>
    isBroken(id) ? 'ungradable' : here.outcomeOf(id, rollout);
  const config = parse({ horizon: 32, confidence: 0.99 });
  const { measured, spent } = probe({ ...here, outcomeOf, features: new Map() }, config, 6);
  expect(spent).toBeGreaterThan(0.95 * 6 * 300);
  expect(here.ids.filter(isBroken).map((id) => measured.get(id)!.rollouts.length)).toEqual(Array(75).fill(1));
  // The posterior of an ungradable problem is that of the population.
  const beliefs = posteriorsOf(config, 6, here.ids, measured, new Map());
  const mean = here.ids.reduce((sum, id) => sum + (isBroken(id) ? 0 : beliefs.get(id)!.mean), 0) / 225;
  expect(beliefs.get('p0')!.mean).toBeCloseTo(mean, 1);
});

/** Probes a world wave by wave, with records in memory instead of a store. */
function settle(here: World, cuts: readonly Cut[], confidence: number, features: FeatureTable | null) {
  const horizon = 32;
  const successesOf = (problem: number, attempts: number): number =>
    Array.from({ length: attempts }, (_, i) => here.outcomeOf(here.ids[problem]!, i)).filter(
      (outcome) => outcome === 'correct',
    ).length;
  const goal = { cuts, horizon, screen: 1, confidence, budget: horizon * here.ids.length };
  const probing = createProbing(here.ids, features, goal);
  let state = startProbing(probing);
  for (let wave = nextWave(probing, state); wave !== null; wave = nextWave(probing, state))
    state = afterWave(probing, state, wave, successesOf);
  const spent = state.attempts.reduce((sum, made) => sum + made, 0) / here.ids.length;
  const totals = here.ids.map((_, i) => successesOf(i, horizon));
  const belief = posteriors(probing, state);
  return { beliefs: here.ids.map((_, i) => belief(i)), spent, totals, horizon };
}

test.each([
  ['never, sometimes, always', neverSometimesAlways],
  ['bands', equalBands(5)],
] as const)(
  '%s: reaches the stated confidence and coverage with less than half of the attempts in the full horizon',
  (_, cuts) => {
    const { beliefs, spent, totals, horizon } = settle(world(5, 600), cuts, 0.9, null);
    const share = (holds: (i: number) => boolean): number =>
      totals.filter((_total, i) => holds(i)).length / totals.length;
    const right = share((i) => beliefs[i]!.cell === cellOf(cuts, totals[i]!, horizon));
    const covered = share((i) => {
      const { low, high } = beliefs[i]!;
      return low - 1e-9 <= totals[i]! / horizon && totals[i]! / horizon <= high + 1e-9;
    });
    expect(right).toBeGreaterThan(0.86);
    expect(right).toBeLessThan(0.97);
    expect(covered).toBeGreaterThan(0.92);
    expect(covered).toBeLessThan(0.985);
    expect(spent).toBeLessThan(horizon / 2);
  },
);

test('posteriors are probabilities, both when replayed from the record and when kept in memory', () => {
  const here = world(11, 40);
  const config = parse({ horizon: 16, confidence: 0.9 });
  const { measured } = probe(here, config, 8);
  const beliefs = posteriorsOf(config, 8, here.ids, measured, here.features);
  for (const { low, mean, high, probabilities } of beliefs.values()) {
    expect(probabilities.reduce((sum, probability) => sum + probability, 0)).toBeCloseTo(1, 9);
    expect(low >= 0 && low <= high && high <= 1 && mean >= 0 && mean <= 1).toBe(true);
  }
});

test('informative features save rollouts', () => {
  const here = world(9, 1200);
  const words = createFeatureTable(here.ids.map((id) => here.features.get(id)));
  const informed = settle(here, equalBands(5), 0.8, words);
  const blind = settle(here, equalBands(5), 0.8, null);
  expect(informed.spent).toBeLessThan(0.95 * blind.spent);
});

test('problems with equal features form one group, and kinds are never split', () => {
  const ids = Array.from({ length: 900 }, (_, i) => `p${i}`);
  const rates = Float64Array.from(ids, (_, i) => Number(uniformAt(4, i) < (i % 3) / 3));
  const words = (of: (i: number) => string) =>
    createFeatureTable(ids.map((_, i) => ({ words: [of(i)], values: {} })));
  const { groups: alike } = groupByFeatures(
    ids,
    words(() => 'same'),
    rates,
    rates,
  );
  expect(new Set(alike)).toEqual(new Set([0]));
  const { groups: kinds } = groupByFeatures(
    ids,
    words((i) => `kind ${i % 3}`),
    rates,
    rates,
  );
  expect([...kinds]).toEqual(ids.map((_, i) => i % 3));
  const { groups: small } = groupByFeatures(
    ids,
    words((i) => `kind ${i % 30}`),
    rates,
    rates,
  );
  const sizes = [...Map.groupBy(small, (group) => group).values()].map((members) => members.length);
  expect(Math.min(...sizes)).toBeGreaterThanOrEqual(100);
  ids.forEach((_, i) => expect(small[i]).toBe(small[i % 30]));
});

test('plans no attempts if there are no problems, and describes the cost of a plan', () => {
  const config = parse({});
  expect(planAdaptive(config, 8, [], new Map()).batches).toEqual([]);
  const plan = planAdaptive(config, 8, ['a', 'b'], new Map());
  expect(plan).toMatchObject({ rollouts: 2, laterAtMost: 14, finished: 0 });
  expect(plan.batches).toEqual([{ problemIds: ['a', 'b'], firstIndex: 0, rollouts: 1 }]);
});

test('cellOf returns the number of cuts that a pass rate passes', () => {
  expect([0, 1, 5, 6].map((successes) => cellOf(neverSometimesAlways, successes, 6))).toEqual([0, 1, 1, 2]);
  expect([1, 2, 3, 9, 10].map((successes) => cellOf(equalBands(5), successes, 10))).toEqual([0, 1, 1, 4, 4]);
});

test('the configuration rejects descending cuts, and screening in addition to adaptive probing', () => {
  expect(() => parse({ cuts: [{ at: 0.5 }, { at: 0.2 }] })).toThrow(/ascending/);
  const both = passRate({ maxTokens: 9, screening: 2, probing: adaptive() });
  expect(() => passRateConfig.parse(both)).toThrow(/adaptive/);
});
