import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeFastFolder } from '../../test/runs/fast-folder.ts';
import type { Rollout } from '../core/rollout.ts';
import { extendTranscript, givenTranscript } from '../core/transcript.ts';
import type { Observation } from '../difficulty/pass-rates/pass-rate-store.ts';
import { openPassRateStore } from '../difficulty/pass-rates/sqlite-store.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';
import { mathProblem } from '../testing/index.ts';
import { createRun } from '../runs/writing/create-run.ts';
import { readCurves } from './learning-curve.ts';

const root = makeFastFolder('learning-curve');
afterAll(() => rmSync(root, { recursive: true }));

const result = (mean: number) => ({
  overall: { accuracy: { mean } },
  byDomain: { math: { accuracy: { mean } }, code: {} },
});

test('counts a harvest of examples from the first step after the harvest', async () => {
  await using run = await createRun(root, { name: 'harvested', seed: 0, recipe: {} });
  const rollout = (problemId: string, index: number, tokens: number): Rollout => ({
    problemId,
    index,
    transcripts: [
      extendTranscript(
        givenTranscript([], new Int32Array([1])),
        {
          tokens: new Int32Array(tokens),
          logprobs: new Float32Array(tokens),
          finishReason: 'stop',
          policyVersion: 0,
        },
        () => 'text',
      ),
    ],
    verdict: { outcome: 'correct', score: 1, reason: '', verifier: 'v' },
  });
  const groups = ['a', 'b'].map((id) => ({
    group: { problem: mathProblem({ id }), rollouts: [rollout(id, 0, 3), rollout(id, 1, 5)] },
  }));
  await run.recordRollouts({ step: 0, stage: 'copy', purpose: 'measure', groups });
  await run.recordEvaluation({ step: 0, name: 'held-out', result: result(0.1) });
  await run.recordStep({ step: 1, stage: 'copy', metrics: { 'sft/loss': 2 } });
  await run.recordEvaluation({ step: 1, name: 'held-out', result: result(0.2) });
  using reader = await openRunReader(run.directory);
  expect(readCurves(reader).get('held-out')).toMatchObject([
    { step: 0, trained: 0, rollouts: 0, tokens: 0 },
    { step: 1, trained: 0, rollouts: 4, tokens: 16 },
  ]);
});

test('counts training, and measuring only for stages that have begun', async () => {
  await using run = await createRun(root, { name: 'measured', seed: 0, recipe: {} });
  using store = openPassRateStore(join(run.directory, 'pass-rates.sqlite'));
  const conditions = {
    model: 'm',
    verifier: 'math@1',
    temperature: 1,
    topP: 1,
    topK: 0,
    maxTokens: 8,
    stop: [],
  };
  const attempts = (count: number, more: Pick<Observation, 'source' | 'tokens'>): Observation[] =>
    Array.from({ length: count }, (_, rollout) => ({
      problemId: 'q',
      rollout,
      step: 0,
      outcome: 'correct',
      ...more,
    }));
  store.record(conditions, attempts(4, { source: { type: 'base' }, tokens: 5 }));
  store.record(conditions, attempts(6, { source: { type: 'boundary', stage: 1 } }));
  store.record(conditions, attempts(9, { source: { type: 'training' } }));

  const evaluate = (step: number, mean: number) =>
    run.recordEvaluation({ step, name: 'held-out', result: result(mean) });
  const begin = (step: number, stage: string) =>
    run.recordEvent({ step, stage, type: 'stage-start', message: 'begins' });
  const train = (step: number, stage: string) =>
    run.recordStep({ step, stage, metrics: { 'rollout/count': 10, 'rollout/tokens': 70 } });
  await evaluate(0, 0.1);
  await begin(0, 'one');
  await train(1, 'one');
  await evaluate(1, 0.2);
  await begin(1, 'two');
  await train(2, 'two');
  await evaluate(2, 0.3);
  await run.recordEvaluation({ step: 2, name: 'ungradable', result: { overall: {} } });

  using reader = await openRunReader(run.directory);
  const curves = readCurves(reader);
  expect([...curves.keys()]).toEqual(['held-out']);
  // Measuring reported 5 tokens each for 4 attempts; the other 6 count with the mean length, 7.
  expect(curves.get('held-out')).toEqual([
    { step: 0, trained: 0, rollouts: 0, tokens: 0, overall: 0.1, byDomain: { math: 0.1 } },
    { step: 1, trained: 10, rollouts: 14, tokens: 90, overall: 0.2, byDomain: { math: 0.2 } },
    { step: 2, trained: 20, rollouts: 30, tokens: 202, overall: 0.3, byDomain: { math: 0.3 } },
  ]);
});
