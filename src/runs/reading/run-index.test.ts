import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, test } from 'vitest';
import { makeFastFolder } from '../../../test/runs/fast-folder.ts';
import { scriptedGroup, smallPlan, trainScripted } from '../../../test/runs/scripted-training.ts';
import { createRng } from '../../core/rng.ts';
import { createRun } from '../writing/create-run.ts';
import { openRun } from '../writing/open-run.ts';
import { openRunReader } from './run-reader.ts';
import { finishReasonOf, writtenTokens } from '../../core/rollout.ts';

const root = makeFastFolder('index');
afterAll(() => rmSync(root, { recursive: true }));

const newRun = () => createRun(root, { name: 'demo', recipe: {}, seed: 5 });
const candidate = {
  id: 'a',
  domain: 'math',
  levels: ['easy', 'hard'],
  measured: { successes: 1, trials: 4 },
  isSelected: true,
};

test('queries individual rollouts in the database without reading their files', async () => {
  await using run = await newRun();
  const recorded = { ...scriptedGroup(createRng(1, 'a'), 1, 'a'), flags: [[], ['looks odd']] };
  await run.recordStep({
    step: 1,
    stage: 's',
    metrics: {},
    groups: [recorded],
    decision: '1 of 2 steps done',
  });
  using reader = await openRunReader(run.directory);
  const expected = recorded.group.rollouts.map((rollout, place) => ({
    group_id: 1,
    place,
    outcome: rollout.verdict.outcome,
    score: rollout.verdict.score,
    reward: recorded.rewards![place],
    advantage: recorded.advantages![place],
    tokens: writtenTokens(rollout),
    finish_reason: finishReasonOf(rollout),
    reason: rollout.verdict.reason,
    flags: [null, '["looks odd"]'][place],
  }));
  expect(reader.rows('SELECT * FROM rollouts')).toEqual(expected);
  expect(reader.lists('SELECT step, decision FROM steps')).toEqual([[1, '1 of 2 steps done']]);
});

test('stores the candidates of a stage with its start event, and removes both together', async () => {
  const directory = await (async () => {
    await using run = await newRun();
    await run.recordEvent({ step: 0, type: 'note', message: 'first' });
    await run.recordEvent({ step: 0, stage: 's', type: 'stage-start', message: 'begins' }, [candidate]);
    using reader = await openRunReader(run.directory);
    expect(reader.lists('SELECT * FROM selections')).toEqual([[2, 'a', 'math', '["easy","hard"]', 1, 4, 1]]);
    return run.directory;
  })();
  // Without a checkpoint, a resume starts from the beginning.
  await using _resumed = await openRun(directory);
  using reader = await openRunReader(directory);
  expect(reader.lists('SELECT count(*) FROM selections')).toEqual([[0]]);
});

test('rejects a list of flags whose length differs from the number of rollouts', async () => {
  await using run = await newRun();
  const recorded = { ...scriptedGroup(createRng(1, 'a'), 1, 'a'), flags: [[]] };
  await expect(run.recordStep({ step: 1, stage: 's', metrics: {}, groups: [recorded] })).rejects.toThrow(
    'expected 2 flags, one per rollout, got 1',
  );
});

test('reads a run of version 1, which has no index, and adds one when the run continues', async () => {
  const directory = await (async () => {
    await using run = await newRun();
    await trainScripted(run, smallPlan, async (step) => {
      if (step === 3) await run.finish('interrupted', 'for this test').then(() => Promise.reject(new Stop()));
    }).catch((error: unknown) => {
      if (!(error instanceof Stop)) throw error;
    });
    return run.directory;
  })();
  const database = new DatabaseSync(join(directory, 'run.sqlite'));
  database.exec(
    'DROP INDEX groups_by_stage; DROP INDEX groups_by_family; DROP TABLE rollouts; DROP TABLE selections; ALTER TABLE steps DROP COLUMN decision; PRAGMA user_version = 1',
  );
  database.close();
  {
    using reader = await openRunReader(directory);
    expect(reader.summary()).toMatchObject({ step: 3, status: 'interrupted' });
    expect(reader.groups().length).toBeGreaterThan(0);
    expect(reader.lists('SELECT count(*) FROM rollouts')).toEqual([[0]]);
    expect(reader.lists('SELECT decision FROM steps')).toEqual([[null], [null], [null]]);
    expect(reader.lists('SELECT count(*) FROM selections')).toEqual([[0]]);
  }
  {
    await using run = await openRun(directory);
    await trainScripted(run, smallPlan);
  }
  using reader = await openRunReader(directory);
  expect(reader.summary()).toMatchObject({ step: 4, status: 'finished' });
  const [[indexed]] = reader.lists('SELECT count(*) FROM rollouts') as [[number]];
  expect(indexed).toBeGreaterThan(0);
});

class Stop extends Error {}
