import { existsSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeFastFolder } from '../../../test/runs/fast-folder.ts';
import { scriptedGroup } from '../../../test/runs/scripted-training.ts';
import { createRng } from '../../core/rng.ts';
import { createRun } from '../writing/create-run.ts';
import { openRunReader } from './run-reader.ts';
import type { Run } from '../writing/run.ts';
import { answerOf } from '../../core/rollout.ts';

const root = makeFastFolder('reader');
afterAll(() => rmSync(root, { recursive: true }));

const group = (step: number, id: string) => scriptedGroup(createRng(step, id), step, id);

async function newRun(): Promise<Run> {
  return createRun(root, { name: 'demo', recipe: {}, seed: 5 });
}

test('finds groups by step, stage, purpose and problem, and reads their rollouts', async () => {
  await using run = await newRun();
  const measured = [group(0, 'a')];
  await run.recordRollouts({ step: 0, stage: 'easy', purpose: 'measure', groups: measured });
  for (const step of [1, 2, 3]) {
    const groups = [group(step, 'a'), group(step, 'b'), group(step, 'c')];
    await run.recordStep({
      step,
      stage: step < 3 ? 'easy' : 'hard',
      metrics: { loss: step },
      timings: { time: 1 },
      groups,
    });
  }
  using reader = await openRunReader(run.directory);
  const named = (query: Parameters<typeof reader.groups>[0]) =>
    reader.groups(query).map(({ step, purpose, problemId }) => `${step} ${purpose} ${problemId}`);
  expect(named({ problemId: 'a' })).toEqual(['0 measure a', '1 train a', '2 train a', '3 train a']);
  expect(named({ problemId: 'a', purpose: 'train', stage: 'easy' })).toEqual(['1 train a', '2 train a']);
  expect(named({ step: 2 })).toEqual(['2 train a', '2 train b', '2 train c']);
  expect(named({ limit: 2, offset: 3 })).toEqual(['1 train c', '2 train a']);
  expect(named({ problemId: "a' OR 1=1 --" })).toEqual([]);

  const found = [
    ...reader.groups({ step: 1, problemId: 'b' }),
    ...reader.groups({ step: 3, problemId: 'c' }),
  ];
  const expected = [group(1, 'b'), group(3, 'c')].flatMap(({ group: { rollouts } }) => rollouts);
  const rows = await reader.rollouts(found, ['text', 'token_ids']);
  expect(rows).toEqual(
    expected.map((rollout) => ({
      text: answerOf(rollout),
      token_ids: [...rollout.transcripts[0]!.tokens],
    })),
  );

  const [first] = reader.groups({ step: 1, problemId: 'b' });
  const { rollouts } = group(1, 'b').group;
  const correct = rollouts.filter(({ verdict }) => verdict.outcome === 'correct').length;
  expect(first).toMatchObject({
    level: 'L1',
    knob: 2,
    rollouts: 2,
    trials: 2,
    correct,
    meanReward: correct / 2,
    firstRow: 2,
  });
  expect(reader.metricNames()).toEqual([
    { name: 'loss', isTiming: false },
    { name: 'time', isTiming: true },
  ]);
  expect(reader.metricsAt(2)).toEqual({ loss: 2, time: 1 });
  expect(reader.metric('nobody/recorded/this').steps.length).toBe(0);
  expect(reader.stages()).toEqual([
    { stage: 'easy', firstStep: 1, lastStep: 2 },
    { stage: 'hard', firstStep: 3, lastStep: 3 },
  ]);
});

test('does not count an ungradable rollout as a trial', async () => {
  await using run = await newRun();
  const { group: judged } = group(1, 'a');
  const verdict = { outcome: 'ungradable', score: 0, reason: 'no gold', verifier: 'math@1' } as const;
  const groups = [
    { group: { ...judged, rollouts: judged.rollouts.map((rollout) => ({ ...rollout, verdict })) } },
  ];
  await run.recordStep({ step: 1, stage: 's', metrics: {}, groups });
  using reader = await openRunReader(run.directory);
  expect(reader.groups()).toMatchObject([
    { rollouts: 2, trials: 0, correct: 0, meanScore: null, meanReward: null, level: null },
  ]);
});

test('drops old checkpoints, keeps stage ends, and uses different folders for two checkpoints of one step', async () => {
  await using run = await newRun();
  const save = (isStageEnd: boolean) =>
    run.saveCheckpoint({
      controllerState: null,
      writeEngineState: async (folder) => {
        await mkdir(folder);
        await writeFile(join(folder, 'weights'), '');
      },
      isStageEnd,
      retention: { keepLast: 1, keepStageEnds: true, keepBest: false },
    });
  await save(false);
  for (const step of [1, 2, 3]) {
    await run.recordStep({ step, stage: 's', metrics: {} });
    await save(step === 2);
  }
  await save(false);
  expect(readdirSync(join(run.directory, 'checkpoints')).toSorted()).toEqual([
    'step-000002',
    'step-000003-2',
  ]);
  using reader = await openRunReader(run.directory);
  const kept = reader.checkpoints();
  expect(kept).toMatchObject([
    { step: 2, isStageEnd: true },
    { step: 3, isStageEnd: false },
  ]);
  expect(kept.every(({ engineState }) => existsSync(join(engineState, 'weights')))).toBe(true);
});
