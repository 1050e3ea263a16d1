import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { admitGroup, createGate, gateConfig } from './create-gate.ts';
import { decideRefill, type RefillDecision, shortBatchNote } from './refill.ts';
import { truncation } from './truncation.ts';
import { zeroAdvantage } from './zero-advantage.ts';

const gates = [zeroAdvantage(), truncation({ maxShare: 0.5 })].map((gate) =>
  createGate(gateConfig.parse(gate)),
);
const group = (rewards: number[], truncated = 0) => ({
  problemId: 'p',
  rewards,
  truncated,
  isZeroAdvantage: rewards.every((reward) => reward === rewards[0]),
});

test('zero-advantage rejects groups without a signal or without rewards, and gives the reason', () => {
  expect(admitGroup(gates, group([0, 1, 1]))).toEqual({ admitted: true });
  expect(admitGroup(gates, { ...group([0, 1]), isZeroAdvantage: true })).toMatchObject({
    reason: 'rewards 0 … 1: every advantage in the loss is 0',
  });
  const strict = createGate(gateConfig.parse(zeroAdvantage({ tolerance: 0.2 })));
  expect(strict.admit(group([1, 0.9]))).toMatchObject({
    admitted: false,
    reason: expect.stringContaining('0.2'),
  });
  expect(strict.admit(group([1, 0.7]))).toEqual({ admitted: true });
  expect(admitGroup(gates, group([1, 1]))).toEqual({
    admitted: false,
    gate: 'zero-advantage',
    reason: 'all 2 rewards are 1: every advantage in the loss is 0',
  });
  expect(admitGroup(gates, group([]))).toMatchObject({ reason: expect.stringContaining('graded') });
});

test('truncation admits groups with at most maxShare truncated rollouts', () => {
  expect(admitGroup(gates, group([0, 1, 0, 1], 2))).toEqual({ admitted: true });
  expect(admitGroup(gates, group([0, 1, 0, 1], 3))).toMatchObject({ admitted: false, gate: 'truncation' });
});

test('without gates, every group is admitted', () => {
  expect(admitGroup([], group([1, 1], 2))).toEqual({ admitted: true });
});

test('sizes a refill by the admission rate so far, capped at a full batch and at the number of untried problems', () => {
  const state = { wanted: 32, admitted: 15, tried: 32, refills: 0, maxRefills: 2, untried: 1000 };
  expect(decideRefill(state)).toEqual({ action: 'refill', problems: 32 });
  expect(decideRefill({ ...state, admitted: 28 })).toEqual({ action: 'refill', problems: 5 });
  expect(decideRefill({ ...state, untried: 3 })).toEqual({ action: 'refill', problems: 3 });
});

test('trains on a smaller batch when refills run out, and reports it', () => {
  const state = { wanted: 8, admitted: 3, tried: 24, refills: 2, maxRefills: 2, untried: 100 };
  expect(decideRefill(state)).toEqual({ action: 'train' });
  expect(shortBatchNote(state)).toBe(
    '3 of 8 groups passed the gates (24 tried, 2 refills): this step trains on a smaller batch',
  );
  expect(decideRefill({ ...state, admitted: 0 })).toEqual({ action: 'skip' });
  expect(shortBatchNote({ ...state, admitted: 0 })).toContain('this step is skipped');
  expect(decideRefill({ ...state, admitted: 8 })).toEqual({ action: 'train' });
  expect(shortBatchNote({ ...state, admitted: 8 })).toBeNull();
});

test('a step ends within maxRefills refills and never tries more problems than exist', () => {
  const scenario = fc.record({
    wanted: fc.integer({ min: 1, max: 40 }),
    pool: fc.integer({ min: 1, max: 100 }),
    maxRefills: fc.integer({ min: 0, max: 5 }),
    passing: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(scenario, ({ wanted, pool, maxRefills, passing }) => {
      let state = { wanted, admitted: 0, tried: 0, refills: -1, maxRefills, untried: pool };
      let next: RefillDecision = { action: 'refill', problems: Math.min(wanted, pool) };
      while (next.action === 'refill') {
        expect(next.problems).toBeGreaterThan(0);
        const tried = state.tried + next.problems;
        const admitted = Math.floor(tried * passing);
        state = { ...state, tried, admitted, refills: state.refills + 1, untried: pool - tried };
        expect(state.untried).toBeGreaterThanOrEqual(0);
        expect(state.refills).toBeLessThanOrEqual(maxRefills);
        next = decideRefill(state);
      }
      expect(next.action === 'skip').toBe(state.admitted === 0);
    }),
  );
});
