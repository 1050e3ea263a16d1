import { expect, test } from 'vitest';
import { createRng } from '../../core/rng.ts';
import { columnsOf, likelihoodsAt, readScore } from '../readout.ts';
import { fitReadout, readAttempts, readoutAttempts } from './fit-readout.ts';
import { type ScoredAttempt, scorerQuality } from './scorer-quality.ts';

/**
 * Four attempts at each problem: the score depends only on the problem, and only the likelihood differs between
 * attempts.
 */
function simulated(problems: number): ScoredAttempt[] {
  const rng = createRng(5, 'attempts with likelihoods');
  return Array.from({ length: 4 * problems }, (_, at): ScoredAttempt => {
    const problemId = `p${at >> 2}`;
    const score = createRng(7, problemId).next();
    const logprob = -2 * rng.next();
    const isCorrect = rng.next() < readScore({ intercept: 1, slopes: [0.8, 2] }, score, { logprob });
    const likelihood = { logprob, confidence: Math.exp(logprob / 4) };
    const places = [2, 3];
    const labels = [isCorrect, isCorrect];
    const names = { problemId, domain: 'math', prompt: problemId, group: problemId };
    const known = { scores: [score, score], likelihoods: [likelihood, likelihood] };
    return { ...names, tokens: Int32Array.of(1, 2, 3), places, labels, isCorrect, ...known };
  });
}

test('recovers the coefficients, and orders attempts at one problem, which the scores alone cannot', () => {
  const attempts = simulated(2000);
  const fit = fitReadout(attempts);
  expect(Math.abs(fit.intercept - 1)).toBeLessThan(0.2);
  expect(Math.abs(fit.slopes[0]! - 0.8)).toBeLessThan(0.1);
  expect(Math.abs(fit.slopes[1]! - 2)).toBeLessThan(0.2);
  const before = scorerQuality(attempts.slice(0, 800));
  const after = scorerQuality(readAttempts(attempts.slice(0, 800), fit));
  expect(before.aucWithin).toBe(0.5);
  expect(after.aucWithin).toBeCloseTo(after.confidence!.aucWithin, 12);
  expect(after.aucWithin).toBeGreaterThan(0.6);
  expect(after.auc).toBeGreaterThan(Math.max(before.auc, after.confidence!.auc));
  expect(after.calibrationError).toBeLessThan(0.08);
});

test('stays finite for scores of 0 and 1 and for equal verdicts', () => {
  expect(columnsOf(0, { logprob: 0 }).every(Number.isFinite)).toBe(true);
  expect(columnsOf(1, { logprob: -99 }).every(Number.isFinite)).toBe(true);
  const right = simulated(50).map((one) => ({ ...one, isCorrect: true, scores: [0, 1] }));
  const { intercept, slopes } = fitReadout(right);
  expect([intercept, ...slopes].every(Number.isFinite)).toBe(true);
});

test('likelihoods count the written tokens before a position', () => {
  // Tokens 2 and 5 were written; 3 and 4 came from an environment.
  const logprobs = Float32Array.of(0, 0, Math.log(0.5), 0, 0, Math.log(0.125));
  const written = [
    { start: 2, end: 3 },
    { start: 5, end: 6 },
  ];
  const likelihoods = likelihoodsAt(logprobs, written, [2, 3, 5, 6]);
  expect(likelihoods.map(({ confidence }) => Number(confidence.toFixed(6)))).toEqual([1, 0.5, 0.5, 0.25]);
  expect(likelihoods.map(({ logprob }) => Number(Math.exp(logprob).toFixed(6)))).toEqual([
    1, 0.5, 0.5, 0.0625,
  ]);
});

test('attempts without likelihoods have no readout and keep their scores', () => {
  const attempts = simulated(3).map((one) => ({ ...one, likelihoods: undefined }));
  expect(readoutAttempts(attempts, 0)).toEqual([]);
  expect(readAttempts(attempts, { intercept: 9, slopes: [9, 9] })).toEqual(attempts);
  expect(readoutAttempts(simulated(3), 0)).toHaveLength(12);
});
