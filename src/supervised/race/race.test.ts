import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { auditResult, bestTrial, paretoFront, signalTable } from './outcome.ts';
import { race, type TrialRunner } from './race.ts';
import { type RaceConfig, raceConfig, type Trial, trialsOf } from './race-config.ts';
import { decideRung, earlyScore } from './rung.ts';

const config = (more: Partial<RaceConfig> = {}): RaceConfig => ({
  ...raceConfig.parse({ sweep: { batchSize: [8, 32, 128], learningRate: [1e-4, 3e-4, 1e-3, 3e-3] } }),
  ...more,
});

/** Simulates trials: the higher the learning rate per example, the more they learn and forget. */
function simulated(luck: (name: string) => number = () => 0) {
  const calls: string[] = [];
  const distanceOf = ({ learningRate, batchSize }: Trial): number => Math.log(learningRate / batchSize);
  const measuresOf = (trial: Trial) => {
    const distance = (distanceOf(trial) + 15) / 10;
    return { target: distance / 2 + luck(trial.name), retained: 1 - distance / 2 };
  };
  const runner: TrialRunner = {
    reach: (trial, share) => {
      calls.push(`${trial.name} ${share}`);
      const distance = distanceOf(trial);
      const early = measuresOf(trial);
      return Promise.resolve({
        loss: 2 - distance / 10,
        gradNorm: 4 - distance / 5,
        rateToBatch: distance,
        heldOutLoss: 1 - distance / 10,
        ...early,
      });
    },
    finish: (trial) => {
      calls.push(`${trial.name} end`);
      return Promise.resolve(measuresOf(trial));
    },
  };
  return { calls, runner };
}

test('gives every combination of a sweep a name that can be a run directory', () => {
  const trials = trialsOf({
    batchSize: [8, 32],
    learningRate: [1e-5, 0.003],
    schedule: ['constant', 'cosine'],
  });
  expect(trials).toHaveLength(8);
  expect(new Set(trials.map(({ name }) => name)).size).toBe(8);
  for (const { name } of trials) expect(name).toMatch(/^[a-z0-9][a-z0-9.-]*$/);
  expect(trials[0]).toEqual({
    name: 'b8-lr0.00001-constant',
    batchSize: 8,
    learningRate: 1e-5,
    schedule: 'constant',
  });
});

test('rejects rungs that would be at the same step', () => {
  const sweep = { batchSize: [8], learningRate: [1e-4] };
  for (const rungs of [
    [0.4, 0.5],
    [0.1, 0.1],
    [0.3, 0.1],
  ])
    expect(() => raceConfig.parse({ sweep, rungs })).toThrow(/different multiples of the first/);
  expect(raceConfig.parse({ sweep, rungs: [0.2, 0.5, 0.8] }).rungs).toHaveLength(3);
});

test('stops two thirds of the trials at each rung, audits a quarter of these, and chooses the best finished trial', async () => {
  const { calls, runner } = simulated();
  const { trials, chosen, audit, front } = await race(config(), runner);
  const at = (share: string) => calls.filter((call) => call.endsWith(` ${share}`)).length;
  expect([at('0.1'), at('0.3'), at('end')]).toEqual([12, 4, 4]);
  expect(chosen).toBe('b8-lr0.003-constant');
  expect(audit).toMatchObject({ stopped: 10, audited: 2, wrong: 0 });
  const shares = trials.map(({ stoppedAt, isAudit }) => (stoppedAt === null || isAudit ? 1 : stoppedAt));
  expect(shares.reduce((sum, share) => sum + share, 0) / 12).toBeLessThan(0.45);
  expect(trials.filter(({ measures }) => measures !== undefined)).toHaveLength(4);
  expect(front).toContain(chosen);
});

test('maximises retained accuracy, or the mean of both accuracies, if configured', async () => {
  const kept = await race(config({ choose: 'retained' }), simulated().runner);
  expect(kept.chosen).toBe('b128-lr0.0001-constant');
  // The two measures change by equal amounts, except for one trial, which learns more than its distance explains.
  const { runner } = simulated((name) => (name === 'b32-lr0.001-constant' ? 0.2 : 0));
  expect((await race(config({ choose: 'balanced' }), runner)).chosen).toBe('b32-lr0.001-constant');
});

test('chooses an audited trial that ends above the survivors, and counts it as wrongly stopped', async () => {
  const late = simulated((name) => (name === 'b128-lr0.0001-constant' ? 1 : 0));
  const { chosen, audit } = await race(config({ audit: 1 }), late.runner);
  expect(chosen).toBe('b128-lr0.0001-constant');
  expect(audit).toEqual({ stopped: 10, audited: 10, wrong: 1, share: 0.1, low: 0.1, high: 0.1 });
});

test('a rung keeps the best trials and those tied with them, and audits only trials that it stopped', () => {
  const scores = fc.dictionary(fc.string({ minLength: 1 }), fc.integer({ min: 0, max: 9 }), { minKeys: 1 });
  const share = fc.double({ min: 0.05, max: 0.95, noNaN: true });
  fc.assert(
    fc.property(scores, share, share, fc.nat(), (given, keep, audit, seed) => {
      const all = new Map(Object.entries(given));
      const { kept, stopped, audited } = decideRung(all, { keep, audit, seed }, 0, {
        stopped: 0,
        audited: 0,
      });
      expect([...kept, ...stopped].toSorted()).toEqual([...all.keys()].toSorted());
      const worst = Math.min(...kept.map((name) => all.get(name)!));
      for (const name of stopped) expect(all.get(name)).toBeLessThan(worst);
      expect(kept.length).toBeGreaterThanOrEqual(Math.ceil(keep * all.size - 1e-9));
      expect(audited).toHaveLength(Math.floor(audit * stopped.length + 1e-9));
      expect(audited.every((name) => stopped.includes(name))).toBe(true);
    }),
  );
});

test('ranks trials by held-out loss for the target, and by training loss for retained accuracy', () => {
  const signals = { loss: 2, gradNorm: 1, rateToBatch: 0, heldOutLoss: 3 };
  expect(earlyScore(signals, 'target')).toBe(-3);
  expect(earlyScore(signals, 'retained')).toBe(2);
  expect(earlyScore({ ...signals, target: 0.5, retained: 0.25 }, 'balanced')).toBe(0.375);
  expect(() => earlyScore(signals, 'balanced')).toThrow('expected the target at the rung');
});

test('the interval of an audit covers the true share in about 95 % of the draws', () => {
  const [stopped, audited] = [30, 8];
  const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));
  const choose = (n: number, k: number): number =>
    k < 0 || k > n ? 0 : factorial(n) / factorial(k) / factorial(n - k);
  let covered = 0;
  for (let wrong = 0; wrong <= stopped; wrong++) {
    for (let found = 0; found <= audited; found++) {
      const chance =
        (choose(wrong, found) * choose(stopped - wrong, audited - found)) / choose(stopped, audited);
      const { low, high } = auditResult(stopped, audited, found);
      if (low <= wrong / stopped && wrong / stopped <= high) covered += chance / (stopped + 1);
    }
  }
  expect(covered).toBeGreaterThan(0.93);
  expect(covered).toBeLessThan(0.97);
  expect(auditResult(5, 0, 0)).toEqual({ stopped: 5, audited: 0, wrong: 0, low: 0, high: 1 });
});

test('the Pareto front contains every trial that no other trial beats in both measures', () => {
  const rate = fc.integer({ min: 0, max: 5 });
  const trial = fc.record({ measures: fc.record({ target: rate, retained: rate }) });
  fc.assert(
    fc.property(fc.array(trial, { minLength: 1 }), (trials) => {
      const front = paretoFront(trials);
      for (const { measures } of trials) {
        const isBeaten = front.some(
          ({ measures: { target, retained } }) => target >= measures.target && retained >= measures.retained,
        );
        expect(isBeaten).toBe(true);
      }
      for (const choose of ['target', 'retained', 'balanced'] as const)
        expect(bestTrial(front, choose).measures).toSatisfy(
          ({ target, retained }: { target: number; retained: number }) =>
            trials.every(({ measures }) =>
              choose === 'balanced'
                ? target + retained >= measures.target + measures.retained
                : { target, retained }[choose] >= measures[choose],
            ),
        );
    }),
  );
});

test('signals that follow the distance from the base correlate with both measures, in opposite directions', async () => {
  const { runner } = simulated();
  const trials = await Promise.all(
    trialsOf(config().sweep).map(async (trial) => ({
      signals: await runner.reach(trial, 0.1),
      measures: await runner.finish(trial),
    })),
  );
  const rows = Object.fromEntries(signalTable(trials).map((row) => [row.signal, row]));
  expect(rows['loss']!.target.mean).toBeCloseTo(-1, 6);
  expect(rows['loss']!.retained.mean).toBeCloseTo(1, 6);
  expect(rows['rateToBatch']!.target.mean).toBeCloseTo(1, 6);
});
