import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Problem } from '../core/problem.ts';
import type { FinishReason } from '../core/transcript.ts';
import type { Outcome } from '../core/verdict.ts';
import { defineRecipe } from '../recipe/define-recipe.ts';
import { createRun } from '../runs/writing/create-run.ts';
import type { RecordedGroup } from '../runs/files/records.ts';
import { writeShard } from '../runs/files/rollout-shard.ts';
import { codeProblem, mathProblem } from '../testing/index.ts';
import { storedDifferences } from './answer-differences.ts';
import { auditVerdicts } from './audit-verdicts.ts';
import { countCorrections } from './corrections.ts';
import { formatAudit } from './format-audit.ts';
import { formatDifferences } from './format-differences.ts';
import { suspicionsOf } from '../verifiers/suspicions.ts';
import { singleTurn } from '../testing/single-turn.ts';
import { makeFastFolder } from '../../test/runs/fast-folder.ts';

const folder = makeFastFolder('audit');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const group = (
  problem: Problem,
  attempts: readonly (readonly [text: string, outcome: Outcome, finish?: FinishReason])[],
): RecordedGroup => ({
  group: {
    problem,
    rollouts: attempts.map(([text, outcome, finishReason = 'stop'], index) => ({
      problemId: problem.id,
      index,
      transcripts: [
        singleTurn({ promptTokens: new Int32Array(1), tokens: new Int32Array(1), text, finishReason }),
      ],
      verdict: { outcome, score: outcome === 'correct' ? 1 : 0, reason: '', verifier: 'old@1' },
    })),
  },
});
const groups = [
  group(mathProblem({ id: 'half', answer: '1/2' }), [
    ['\\boxed{0.5}', 'incorrect'],
    ['\\boxed{0.5}', 'correct'],
    ['\\boxed{2}', 'correct'],
    ['\\boxed{2} no: it has to be \\boxed{1/2}', 'correct', 'length'],
  ]),
  group(mathProblem({ id: 'bad', answer: '\\frac{{' }), [['\\boxed{1}', 'incorrect']]),
];
const record = { step: 1, stage: 'one', purpose: 'train', groups } as const;
const options = { examples: 1, signal: new AbortController().signal };

const findings = {
  rollouts: 5,
  judged: 5,
  flips: {
    'incorrect → correct': { count: 1, examples: [{ problem: 'half', index: 0, step: 1 }] },
    'correct → incorrect': { count: 1, examples: [{ problem: 'half', index: 2 }] },
    'incorrect → ungradable': { count: 1 },
  },
  ungradable: { bad: expect.stringContaining('cannot be read') },
  suspicious: {
    'cut off at the length limit': { count: 1 },
    'boxes several different answers': { count: 1, examples: [{ index: 3 }] },
  },
};

test('re-judges a rollout file and finds changed outcomes, invalid gold answers and suspicious passes', async () => {
  const file = join(folder, 'rollouts.parquet');
  await writeShard(file, {
    ...record,
    groups: [...groups, group(codeProblem({ id: 'c' }), [['x', 'correct']])],
  });
  const audit = await auditVerdicts(file, options);
  expect(audit).toMatchObject({ ...findings, rollouts: 6 });
  expect(Object.keys(audit.versions)).toEqual([expect.stringMatching(/^old@1 → math@/)]);
  expect(Object.entries(audit.skipped)).toEqual([[expect.stringContaining('expected a recipe'), 1]]);
  expect(formatAudit(audit)).toMatch(/^5 of 6 rollouts judged again; 3 verdicts differ\n/);
  expect(formatAudit(audit)).toContain('  1 × correct → incorrect\n    half #2 at step 1: 2 is not 1/2');
});

const auditedRecipe = defineRecipe({
  name: 'audited',
  policy: { model: 'none' },
  problems: [{ type: 'generated', split: 'train', perCell: 1 }],
  verifiers: { math: { type: 'math', extraction: 'boxed' }, code: { type: 'javascript-tests' } },
  algorithm: { type: 'grpo' },
  optimizer: { learningRate: 1e-3 },
  sampling: { maxTokens: 8 },
  stages: [{ type: 'stage', name: 'one', maxSteps: 1 }],
});

test("judges with the verifiers of the run's own recipe", async () => {
  await using run = await createRun(folder, { name: 'audited', recipe: auditedRecipe, seed: 0 });
  await run.recordRollouts({ ...record, step: 0, purpose: 'measure' });
  const audit = await auditVerdicts(run.directory, options);
  expect(audit).toMatchObject({ ...findings, flips: { 'correct → incorrect': { count: 1 } } });
});

test('skips a truncated rollout file and reports its name', async () => {
  await using run = await createRun(folder, { name: 'damaged', recipe: auditedRecipe, seed: 0 });
  await run.recordRollouts({ ...record, step: 0, purpose: 'measure' });
  await run.recordRollouts({ ...record, step: 0, purpose: 'evaluate' });
  truncateSync(join(run.directory, 'rollouts', 'step-000000-measure.parquet'), 100);
  const audit = await auditVerdicts(run.directory, options);
  expect(audit).toMatchObject({
    rollouts: 10,
    judged: 5,
    damaged: [{ file: 'step-000000-measure.parquet', rollouts: 5 }],
  });
  expect(formatAudit(audit)).toContain(
    'files that could not be read:\n  step-000000-measure.parquet, 5 rollouts',
  );
  const differences = await storedDifferences(run.directory, options);
  expect(differences.damaged).toHaveLength(1);
  expect(formatDifferences(differences)).toContain('could not be read: step-000000-measure.parquet');
});

test('throws when the path is missing or not a Parquet file', async () => {
  await expect(auditVerdicts(join(folder, 'none'), options)).rejects.toThrow('found nothing there');
  await expect(auditVerdicts('package.json', options)).rejects.toThrow(
    'expected a run directory or a Parquet file',
  );
});

test('flags programs that contain the expected outputs', () => {
  const outputs = ['alpha', 'beta!', 'gamma'];
  const problem: Problem = {
    ...codeProblem({ id: 'c' }),
    tests: {
      type: 'stdio',
      language: 'python',
      cases: outputs.map((output, i) => ({ input: String(i), output: `${output}\n` })),
    },
  };
  const flags = (text: string) =>
    suspicionsOf({ text, finishReason: 'stop' }, problem, {
      outcome: 'correct',
      score: 1,
      reason: '',
      verifier: 'new@1',
    });
  expect(flags(`print(${JSON.stringify(outputs)}[int(input())])`)).toEqual([
    'the program contains the expected outputs',
  ]);
  expect(flags('import inspect; print(inspect.stack())')).toEqual([
    'the program reaches into the interpreter',
  ]);
  expect(flags('print("alpha")')).toEqual([]);
});

test('counts answers that became correct or incorrect after the correction marker', async () => {
  const file = join(folder, 'marked.parquet');
  const attempts = [
    ['\\boxed{1}<fix>\\boxed{42}', 'correct'],
    ['\\boxed{42}<fix>\\boxed{1}', 'incorrect'],
    ['\\boxed{42}<fix>sure', 'correct'],
    ['no answer<fix>\\boxed{1}', 'incorrect'],
    ['\\boxed{42}', 'correct'],
    ['\\boxed{42}<fix>', 'ungradable'],
  ] as const;
  await writeShard(file, { ...record, groups: [group(mathProblem({ answer: '42' }), attempts)] });
  expect(await countCorrections(file, '<fix>', {})).toEqual({
    rollouts: 6,
    marked: 4,
    skipped: 1,
    wrongToRight: 1,
    rightToWrong: 1,
    rightToRight: 1,
    wrongToWrong: 1,
  });
});
