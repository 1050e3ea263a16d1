import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Verdict } from '../../../../core/verdict.ts';
import type { RecordedGroup } from '../../../../runs/files/records.ts';
import { openRunReader } from '../../../../runs/reading/run-reader.ts';
import { createRun } from '../../../../runs/writing/create-run.ts';
import { mathProblem } from '../../../../testing/problems.ts';
import { singleTurn } from '../../../../testing/single-turn.ts';
import { differencesView } from './differences.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-differences-view-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const accepted = (extracted: string, rule: string): Omit<Verdict, 'verifier'> => ({
  outcome: 'correct',
  score: 1,
  reason: '',
  evidence: { rule, gold: '5', extracted },
});
const wrong = { outcome: 'incorrect', score: 0, reason: '' } as const;

const group = (id: string, verdicts: readonly Omit<Verdict, 'verifier'>[]): RecordedGroup => ({
  group: {
    problem: mathProblem({ id, answer: '5' }),
    rollouts: verdicts.map((verdict, index) => ({
      problemId: id,
      index,
      transcripts: [
        singleTurn({
          promptTokens: new Int32Array(1),
          tokens: new Int32Array(1),
          text: '',
          finishReason: 'stop',
        }),
      ],
      verdict: { ...verdict, verifier: 'math@2' },
    })),
  },
});

test('returns the position of each example in its group, and reads the newest groups up to a limit', async () => {
  await using written = await createRun(folder, { name: 'shown', recipe: {}, seed: 0 });
  const groups = [
    group('a', [wrong, accepted('5.0', 'same value exactly')]),
    group('b', [wrong, wrong]),
    group('c', [accepted('5', 'same form'), accepted('<b>5 m</b>', 'same form, units aside')]),
  ];
  await written.recordRollouts({ step: 0, stage: 'one', purpose: 'measure', groups });
  using run = await openRunReader(written.directory);
  const [first, , third] = run.groups();
  const all = await differencesView(run);
  expect(all).toMatchObject({ rollouts: 6, total: 6, decided: 3, sameText: 1, otherForm: 2 / 3 });
  expect(all.rules).toMatchObject([
    {
      strictness: 'loose',
      examples: [{ group: third!.id, index: 1, problemId: 'c', step: 0, answer: '<b>5 m</b>' }],
    },
    { rule: 'same value exactly', examples: [{ group: first!.id, index: 1, problemId: 'a' }] },
  ]);
  expect(await differencesView(run, 4)).toMatchObject({ rollouts: 4, total: 6, decided: 2 });
});
