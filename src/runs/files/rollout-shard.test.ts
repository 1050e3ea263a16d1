import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, expect, test } from 'vitest';
import type { Rollout } from '../../core/rollout.ts';
import { outcomes } from '../../core/verdict.ts';
import type { RecordedGroup, RolloutRecord } from './records.ts';
import { readShard, writeShard } from './rollout-shard.ts';
import { transcriptsOfRow } from './transcript-columns.ts';
import { answerOf, finishReasonOf, policyVersionOf } from '../../core/rollout.ts';
import { extendTranscript, givenTranscript, type Transcript } from '../../core/transcript.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-shard-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Any text that UTF-8 can encode: NUL, escapes, right-to-left text, emoji. */
const text = fc.string({ unit: 'binary', maxLength: 20 });
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

/**
 * If one transcript has entropies, fills those of the others with zeros: the column exists for all transcripts or for
 * none.
 */
const withEntropies = (all: readonly Transcript[]): readonly Transcript[] =>
  all.some(({ entropies }) => entropies !== undefined)
    ? all.map((one) => ({ ...one, entropies: one.entropies ?? new Float32Array(one.tokens.length) }))
    : all;

const turn = fc.nat(4).chain((length) =>
  fc.record({
    tokens: fc.array(int32, { minLength: length, maxLength: length }).map((all) => Int32Array.from(all)),
    logprobs: fc
      .array(fc.float({ max: 0, noNaN: true }), { minLength: length, maxLength: length })
      .map((all) => Float32Array.from(all)),
    entropies: fc.option(
      fc
        .array(fc.float({ min: 0, noNaN: true }), { minLength: length, maxLength: length })
        .map((all) => Float32Array.from(all)),
      { nil: undefined },
    ),
    finishReason: fc.constantFrom('stop' as const, 'length' as const, 'error' as const),
    policyVersion: fc.nat(),
    text,
  }),
);

/** Transcripts, some with several turns; rollouts may fork into several of them. */
const transcript: fc.Arbitrary<Transcript> = fc
  .tuple(fc.array(int32, { maxLength: 4 }), fc.array(turn, { minLength: 1, maxLength: 3 }))
  .map(([prompt, turns]) =>
    turns.reduce(
      (before, { text: written, ...one }) => extendTranscript(before, one, () => written),
      givenTranscript([{ role: 'user', content: 'q' }], Int32Array.from(prompt)),
    ),
  );

const rollout: fc.Arbitrary<Rollout> = fc.record({
  problemId: text,
  index: fc.nat(100),
  transcripts: fc.array(transcript, { maxLength: 2 }),
  verdict: fc.record(
    {
      outcome: fc.constantFrom(...outcomes),
      score: fc.double({ min: 0, max: 1, noNaN: true }),
      reason: text,
      verifier: text,
      evidence: fc.dictionary(text, text),
    },
    { requiredKeys: ['outcome', 'score', 'reason', 'verifier'] },
  ),
});

const group: fc.Arbitrary<RecordedGroup> = fc
  .record(
    {
      id: text,
      domain: text,
      source: text,
      prompt: fc.array(fc.record({ role: fc.constantFrom('system', 'user', 'assistant'), content: text }), {
        maxLength: 3,
      }),
      family: text,
      knob: fc.nat(9),
      answer: text,
    },
    { requiredKeys: ['id', 'domain', 'source', 'prompt'] },
  )
  .chain((problem) =>
    fc.array(rollout, { maxLength: 4 }).chain((rollouts) => {
      const numbers = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
        minLength: rollouts.length,
        maxLength: rollouts.length,
      });
      return fc.record(
        {
          group: fc.constant({ problem, rollouts }),
          level: text,
          rewards: numbers,
          advantages: numbers,
          offPolicySteps: fc.nat(9),
        },
        { requiredKeys: ['group'] },
      );
    }),
  );

const record: fc.Arbitrary<RolloutRecord> = fc.record({
  step: fc.nat(),
  stage: text,
  purpose: fc.constantFrom('train', 'measure', 'evaluate'),
  groups: fc.array(group, { minLength: 1, maxLength: 4 }),
});

test('reads rollouts back in the order in which they were written', async () => {
  const path = join(folder, 'any.parquet');
  await fc.assert(
    fc.asyncProperty(record, async (written) => {
      await writeShard(path, written);
      const rows = await readShard(path);
      const expected = written.groups.flatMap(
        ({ group: { problem, rollouts }, level, rewards, advantages, offPolicySteps }) =>
          rollouts.map((each, index) => ({
            step: written.step,
            stage: written.stage,
            purpose: written.purpose,
            problem_id: problem.id,
            domain: problem.domain,
            family: problem.family ?? null,
            knob: problem.knob ?? null,
            level: level ?? null,
            rollout_index: each.index,
            policy_version: policyVersionOf(each),
            prompt: problem.prompt,
            text: answerOf(each),
            finish_reason: finishReasonOf(each),
            answer: problem.answer ?? null,
            outcome: each.verdict.outcome,
            score: each.verdict.score,
            reward: rewards?.[index] ?? null,
            advantage: advantages?.[index] ?? null,
            off_policy_steps: offPolicySteps ?? null,
            reason: each.verdict.reason,
            verifier: each.verdict.verifier,
            evidence: each.verdict.evidence === undefined ? null : JSON.stringify(each.verdict.evidence),
          })),
      );
      const plain = rows.map(
        ({
          token_ids: _ids,
          token_logprobs: _l,
          token_entropies: _e,
          transcripts: _t,
          messages: _m,
          ...row
        }) => row,
      );
      expect(normalised(plain)).toEqual(normalised(expected));
      const given = written.groups.flatMap((recorded) =>
        recorded.group.rollouts.map(({ transcripts }) => transcripts),
      );
      expect(rows.map(transcriptsOfRow)).toEqual(given.map(withEntropies));
    }),
    { numRuns: 60 },
  );
});

test('reads a slice of rows and columns across row groups', async () => {
  const path = join(folder, 'long.parquet');
  const [one] = fc.sample(rollout, { numRuns: 1, seed: 1 });
  const rollouts = Array.from({ length: 600 }, (_, index) => ({ ...one!, index }));
  const problem = { id: 'p', domain: 'math', source: 'generated', prompt: [] };
  await writeShard(path, {
    step: 1,
    stage: 's',
    purpose: 'train',
    groups: [{ group: { problem, rollouts } }],
  });
  const rows = await readShard(path, { firstRow: 250, endRow: 260, columns: ['rollout_index'] });
  expect(rows).toEqual(Array.from({ length: 10 }, (_, n) => ({ rollout_index: 250 + n })));
});

test('omits fields that an older shard lacks', async () => {
  const path = join(folder, 'older.parquet');
  const columnData = [{ name: 'step', data: Int32Array.of(3, 4) }];
  writeFileSync(path, new Uint8Array(parquetWriteBuffer({ columnData })));
  const rows = await readShard(path, { columns: ['step', 'token_entropies'] });
  expect(rows).toEqual([{ step: 3 }, { step: 4 }]);
});

const python = process.env['GRADUS_PYTHON'] ?? 'worker/.venv/bin/python';
const hasPyarrow = spawnSync(python, ['-c', 'import pyarrow']).status === 0;

test.skipIf(!hasPyarrow)('pyarrow reads the column types that libraries for data sets expect', async () => {
  const path = join(folder, 'python.parquet');
  await writeShard(path, fc.sample(record, { numRuns: 1, seed: 2 })[0]!);
  const script = `import sys, pyarrow.parquet as p; t = p.read_table(sys.argv[1]); print([str(t.schema.field(n).type) for n in ('prompt', 'token_ids', 'token_logprobs', 'token_entropies', 'text', 'reward')])`;
  const { stdout } = spawnSync(python, ['-c', script, path], { encoding: 'utf8' });
  expect(stdout).toContain('list<element: struct<role: string not null, content: string not null>');
  expect(stdout).toContain('list<element: int32');
  expect(stdout).toContain('list<element: float');
});

/** Normalises negative zeros and missing prototypes, which must not affect the comparison. */
function normalised(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}

test('reads a shard that stores prompt and completion separately', async () => {
  const path = join(folder, 'legacy.parquet');
  const list = (values: number[]): number[][] => [values];
  const columnData = [
    { name: 'prompt_tokens', data: list([1, 2]), type: 'JSON' as const },
    { name: 'tokens', data: list([7, 8, 9]), type: 'JSON' as const },
    { name: 'rollout_logprobs', data: list([-0.5, -0.25, -1]), type: 'JSON' as const },
    { name: 'policy_version', data: Int32Array.of(3) },
    { name: 'finish_reason', data: ['stop'] },
    { name: 'text', data: ['789'] },
  ];
  writeFileSync(path, new Uint8Array(parquetWriteBuffer({ columnData })));
  const columns = [
    'text',
    'token_ids',
    'token_logprobs',
    'token_entropies',
    'transcripts',
    'messages',
  ] as const;
  const [row] = await readShard(path, { columns });
  expect(Object.keys(row!).toSorted()).toEqual([...columns].toSorted());
  const [upgraded] = transcriptsOfRow({ ...row!, prompt: [{ role: 'user', content: '7, 8, …' }] });
  expect(upgraded).toEqual({
    tokens: Int32Array.of(1, 2, 7, 8, 9),
    logprobs: Float32Array.of(0, 0, -0.5, -0.25, -1),
    written: [{ start: 2, end: 5, policyVersion: 3, finishReason: 'stop' }],
    messages: [
      { role: 'user', content: '7, 8, …', author: 'problem' },
      { role: 'assistant', content: '789', author: 'policy' },
    ],
  });
});
