import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RolloutGroup } from '../../core/rollout.ts';
import { mathProblem } from '../../testing/index.ts';
import { singleTurn } from '../../testing/single-turn.ts';
import { readStartedBatches, type StartedRecord, writeStartedBatches } from './started-batches.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'gradus-started-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const groupOf = (id: string): RolloutGroup => {
  const problem = mathProblem({ id });
  const transcript = singleTurn(
    {
      promptTokens: Int32Array.of(1, 2),
      tokens: Int32Array.of(3, 4, 5),
      logprobs: Float32Array.of(-0.1, -1e-7, -20),
      entropies: Float32Array.of(0.3, 0.2, 1e-9),
      text: 'é \\boxed{7}',
      policyVersion: 12,
    },
    problem.prompt,
  );
  const verdict = { outcome: 'incorrect', score: 1 / 3, reason: 'not equal', verifier: 'math@1' } as const;
  return {
    problem,
    rollouts: [
      {
        problemId: id,
        index: 0,
        transcripts: [transcript],
        verdict: { ...verdict, evidence: { big: 10n ** 20n } },
      },
      { problemId: id, index: 1, transcripts: [], verdict: { ...verdict, outcome: 'ungradable' } },
    ],
  };
};

const batches: StartedRecord[] = [
  {
    step: 13,
    stage: 'one',
    purpose: 'train',
    offPolicySteps: 1,
    groups: ['b', 'a'].map((id) => ({ group: groupOf(id) })),
  },
  { step: 14, stage: 'one', purpose: 'train', offPolicySteps: 2, groups: [] },
];

test('reads batches back in the order in which they were written', async () => {
  const folder = join(root, 'whole');
  await writeStartedBatches(folder, batches);
  expect(await readStartedBatches(folder)).toEqual(
    batches.map(({ step, offPolicySteps, groups }) => ({
      step,
      offPolicySteps,
      rollouts: groups.flatMap(({ group }) => group.rollouts),
    })),
  );
});

test('writes no folder if there are no batches, and reads a missing folder as no batches', async () => {
  await writeStartedBatches(join(root, 'none'), []);
  expect(await readdir(root)).not.toContain('none');
  expect(await readStartedBatches(join(root, 'none'))).toEqual([]);
});

test('rejects a file that changed after saving', async () => {
  const folder = join(root, 'changed');
  await writeStartedBatches(folder, batches);
  const file = join(folder, 'step-000013.parquet');
  const bytes = await readFile(file);
  bytes[100]! ^= 1;
  await writeFile(file, bytes);
  await expect(readStartedBatches(folder)).rejects.toMatchObject({
    code: 'STATE_INVALID',
    message: expect.stringContaining('step-000013.parquet: checksum mismatch'),
  });
  await writeFile(join(folder, 'batches.json'), '{"batches": [');
  await expect(readStartedBatches(folder)).rejects.toMatchObject({ code: 'STATE_INVALID' });
});
