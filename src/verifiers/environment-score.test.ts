import { expect, test } from 'vitest';
import type { Transcript } from '../core/transcript.ts';
import { mathProblem } from '../testing/index.ts';
import { environmentScore, environmentScoreConfig, openEnvironmentScore } from './environment-score.ts';

const attempt = (rewards: readonly (number | undefined)[]): Transcript => ({
  tokens: new Int32Array(),
  logprobs: new Float32Array(),
  messages: [],
  written: rewards.map((reward) => ({
    start: 0,
    end: 0,
    policyVersion: 0,
    finishReason: 'stop',
    ...(reward !== undefined && { reward }),
  })),
});

test.each([
  [[0.5, undefined, 0.5], {}, 'correct', 1],
  [[0.5, 0.25], {}, 'incorrect', 0.75],
  [[0.5, 0.25], { correctFrom: 0.75 }, 'correct', 0.75],
  [[-1, -1], { rewards: [-4, 4] as [number, number] }, 'incorrect', 0.25],
  [[9], {}, 'correct', 1],
  [[undefined], {}, 'unparsed', 0],
  [[], {}, 'unparsed', 0],
])('judges rewards %j with settings %j as %s with score %d', async (rewards, settings, outcome, score) => {
  const verifier = openEnvironmentScore(environmentScoreConfig.parse(environmentScore(settings)));
  expect(await verifier.verify(mathProblem(), '', undefined, attempt(rewards))).toMatchObject({
    outcome,
    score,
  });
});

test('the version changes with the settings', () => {
  const versions = [{}, { correctFrom: 0.5 }, { rewards: [0, 2] as [number, number] }].map(
    (settings) => openEnvironmentScore(environmentScoreConfig.parse(environmentScore(settings))).version,
  );
  expect(new Set(versions).size).toBe(3);
});
