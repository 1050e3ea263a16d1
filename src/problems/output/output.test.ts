import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { parseJson, stringifyJson } from '../../core/lossless-json.ts';
import type { Problem } from '../../core/problem.ts';
import { testsAsPairs } from '../../core/tests-as-pairs.ts';
import { file, fileConfig } from '../file-source.ts';
import { readFileProblems } from '../read-file-source.ts';
import { statedDifficulty } from './difficulty.ts';
import { problemLine, problemLineWithDifficulty } from './problem-line.ts';
import { writeLines } from './text-file.ts';
import { describeTrainerFile, writeForTrainer } from './trainer-file.ts';
import { trlLine } from './trl-line.ts';
import { writeVerlParquet } from './verl-parquet.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-output-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const filled = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((text) => /\S/.test(text));
const passRate = fc
  .record({ model: filled, trials: fc.integer({ min: 1, max: 64 }), draw: fc.nat() })
  .map(({ model, trials, draw }) => ({ model, successes: draw % (trials + 1), trials }));
const message = fc.record({ role: fc.constantFrom('system', 'user', 'assistant'), content: fc.string() });
const tests: fc.Arbitrary<NonNullable<Problem['tests']>> = fc.oneof(
  fc.record(
    {
      type: fc.constant('stdio'),
      language: fc.constantFrom('python', 'javascript'),
      cases: fc.array(fc.record({ input: fc.string(), output: fc.string() }), { minLength: 1, maxLength: 2 }),
      maxCpuMs: fc.integer({ min: 1 }),
      checker: fc.string(),
    },
    { requiredKeys: ['type', 'language', 'cases'] },
  ),
  fc.record({
    type: fc.constant('function'),
    language: fc.constant('python'),
    entryPoint: filled,
    cases: fc.constant([{ arguments: [1, 'a'], expected: [2], alsoAccepted: [2] }]),
  }),
  fc.record({
    type: fc.constant('asserts'),
    language: fc.constant('python'),
    setup: fc.string(),
    entryPoint: filled,
    tests: fc.constant(['assert f(1) == 2']),
  }),
);
const problem: fc.Arbitrary<Problem> = fc.record(
  {
    id: filled,
    domain: filled,
    family: filled,
    knob: fc.integer({ min: 1, max: 9 }),
    prompt: fc.array(message, { minLength: 1, maxLength: 3 }),
    wordings: fc.array(fc.array(message, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 2 }),
    answer: filled,
    tests,
    source: filled,
    licence: filled,
    passRates: fc.array(passRate, { maxLength: 2 }),
    solution: filled,
    extra: fc.dictionary(
      fc.constantFrom('grade', 'url', '__index'),
      fc.oneof(fc.string(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 90n })),
      { minKeys: 1 },
    ),
  },
  { requiredKeys: ['id', 'domain', 'prompt', 'answer', 'source'] },
);

async function* stream<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

test('a written problem is read back unchanged', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(problem, { selector: ({ id }) => id, minLength: 1 }),
      async (problems) => {
        await writeLines(join(folder, 'p.jsonl'), stream(problems.map((one) => problemLine(one))));
        const back: Problem[] = [];
        for await (const one of readFileProblems(fileConfig.parse(file('p.jsonl')), folder)) back.push(one);
        expect(parseJson(stringifyJson(back))).toEqual(parseJson(stringifyJson(problems)));
      },
    ),
    { numRuns: 60 },
  );
});

test('every export keeps the digits of integers beyond 2^53 in tests', () => {
  const [big, bigger] = [10n ** 18n + 3n, 2n ** 90n];
  const cases = [{ arguments: [big], expected: [bigger] }];
  const exact = { type: 'function', language: 'python', entryPoint: 'f', cases } as const;
  const counted: Problem = { id: 'a', domain: 'code', prompt: [], source: 's', tests: exact };
  const pairs = testsAsPairs(exact)!;
  expect(pairs).toMatchObject({ inputs: [`${big}`], outputs: [`[${bigger}]`] });
  for (const line of [problemLine(counted), trlLine(counted, undefined)]) {
    expect(line).toContain(`${big}`);
    expect(line).toContain(`${bigger}`);
  }
});

const solved: Problem = {
  id: 'p1',
  domain: 'math',
  prompt: [{ role: 'user', content: '1+1=?' }],
  answer: '2',
  source: 'test',
  passRates: [{ model: 'm', successes: 3, trials: 4 }],
  extra: { trials: 'not ours', note: 'kept' },
};
const programmed: Problem = {
  id: 'p2',
  domain: 'code',
  prompt: [{ role: 'user', content: 'add' }],
  source: 'test',
  tests: {
    type: 'function',
    language: 'python',
    entryPoint: 'add',
    cases: [{ arguments: [1, [2]], expected: 'three' }],
  },
};

test('writes pass rate, interval and trials with the problem', () => {
  const known = { ...statedDifficulty('m')(solved)!, levels: ['learnable'] };
  const row = JSON.parse(problemLineWithDifficulty(solved, known)) as Record<string, number>;
  expect(row).toMatchObject({
    id: 'p1',
    pass_rate: 0.75,
    trials: 4,
    pass_rate_model: 'm',
    levels: ['learnable'],
    note: 'kept',
  });
  expect(row['pass_rate_low']).toBeLessThan(0.75);
  expect(row['pass_rate_high']).toBeGreaterThan(0.75);
  expect(statedDifficulty('another')(solved)).toBeUndefined();
  expect(JSON.parse(trlLine(solved, known))).toMatchObject({
    prompt: [{ role: 'user', content: '1+1=?' }],
    solution: '\\boxed{2}',
    pass_rate: 0.75,
  });
});

test('boxes golds for TRL, which reads only the first number in bare LaTeX, and reads them back unchanged', async () => {
  const golds = [
    '3\\sqrt{13}',
    '(3, \\frac{\\pi}{2})',
    'x^2+1',
    '\\$32',
    '\\{1,2\\}',
    'Monday',
    '}{',
    '\\boxed{7}',
  ];
  const lines = golds.map((answer, i) => trlLine({ ...solved, id: `p${i}`, answer }, undefined));
  const solutions = lines.map((line) => (JSON.parse(line) as { solution: string }).solution);
  expect(solutions.slice(0, 6)).toEqual(golds.slice(0, 6).map((gold) => `\\boxed{${gold}}`));
  expect(solutions.slice(6)).toEqual(golds.slice(6));
  writeFileSync(join(folder, 'trl.jsonl'), lines.slice(0, 6).join('\n'));
  const back: (string | undefined)[] = [];
  for await (const { answer } of readFileProblems(fileConfig.parse(file('trl.jsonl')), folder))
    back.push(answer);
  expect(back).toEqual(golds.slice(0, 6));
});

test('the summary of a verl export names the setting that verl needs', () => {
  const asked = { out: 'p.parquet', format: 'verl' } as const;
  expect(describeTrainerFile(2, asked)).toMatch(
    /^2 problems in p\.parquet\nverl selects its reward function by data_source/,
  );
  expect(describeTrainerFile(2, { ...asked, dataSource: 'lighteval/MATH' })).toBe('2 problems in p.parquet');
  expect(describeTrainerFile(2, { ...asked, format: 'trl' })).toBe('2 problems in p.parquet');
});

const write = (name: string, problems: readonly Problem[]) =>
  writeVerlParquet(join(folder, name), stream(problems), {
    split: 'train',
    difficultyOf: statedDifficulty(),
  });

test('verl rows are read back as the same problems', async () => {
  expect(await write('verl.parquet', [solved, solved])).toBe(2);
  const back: Problem[] = [];
  for await (const one of readFileProblems(fileConfig.parse(file('verl.parquet')), folder)) back.push(one);
  expect(back).toHaveLength(2);
  expect(back[1]).toMatchObject({
    domain: 'math',
    prompt: solved.prompt,
    answer: '2',
    source: 'test',
    extra: { extra_info: { index: 1, split: 'train', id: 'p1', pass_rate: 0.75, trials: 4 } },
  });
});

test('leaves no file behind after tests that verl cannot run, or after any other error', async () => {
  const asserts = {
    type: 'asserts',
    language: 'python',
    setup: '',
    entryPoint: 'f',
    tests: ['assert f()'],
  } as const;
  await expect(write('no.parquet', [solved, { ...programmed, tests: asserts }])).rejects.toThrow(
    'problem p2: expected a gold answer or Python tests of inputs and outputs',
  );
  async function* failing(): AsyncGenerator<string> {
    yield 'a';
    throw new Error('stop');
  }
  await expect(writeLines(join(folder, 'no.jsonl'), failing())).rejects.toThrow('stop');
  for (const name of ['no.parquet', 'no.jsonl', '.tmp-no.parquet', '.tmp-no.jsonl'])
    expect(existsSync(join(folder, name))).toBe(false);
});

const python = process.env['GRADUS_PYTHON'] ?? 'worker/.venv/bin/python';
const has = (...modules: string[]): boolean =>
  spawnSync(python, ['-c', `import ${modules.join(', ')}`]).status === 0;

// Needs pandas and pyarrow, which are in the worker's environment; GRADUS_PYTHON can name a different interpreter.
test.skipIf(!has('pandas', 'pyarrow'))('pandas reads the column types that verl expects', async () => {
  await write('pandas.parquet', [solved, programmed]);
  const script = `
import sys, json, pandas as pd, pyarrow.parquet as pq
schema = pq.read_schema(sys.argv[1])
rows = pd.read_parquet(sys.argv[1])
first, second = rows.iloc[0], rows.iloc[1]
print(json.dumps({
  'types': {name: str(schema.field(name).type) for name in schema.names},
  'prompt': [dict(m) for m in first['prompt']],
  'truth': first['reward_model'],
  'index': int(second['extra_info']['index']),
  'rate': first['extra_info']['pass_rate'],
  'code': json.loads(second['reward_model']['ground_truth']),
}))`;
  const read = JSON.parse(
    execFileSync(python, ['-c', script, join(folder, 'pandas.parquet')], { encoding: 'utf8' }),
  ) as Record<string, unknown>;
  expect(read).toMatchObject({
    types: {
      data_source: 'string',
      prompt: 'list<element: struct<content: string, role: string>>',
      ability: 'string',
      reward_model: 'struct<ground_truth: string, style: string>',
      extra_info:
        'struct<index: int64, split: string, id: string, levels: list<element: string>, pass_rate: double, ' +
        'pass_rate_low: double, pass_rate_high: double, trials: int64, pass_rate_model: string>',
    },
    prompt: solved.prompt,
    truth: { ground_truth: '2', style: 'rule' },
    index: 1,
    rate: 0.75,
    code: { inputs: ['1\n[2]'], outputs: ['"three"'], fn_name: 'add' },
  });
});

// verl loads its files with Hugging Face's datasets. GRADUS_PYTHON must name an interpreter that has it.
test.skipIf(!has('datasets'))('datasets reads the rows as verl does', async () => {
  await write('datasets.parquet', [solved, programmed]);
  const script = `
import sys, json, datasets
rows = datasets.load_dataset('parquet', data_files=sys.argv[1], cache_dir=sys.argv[2])['train']
row = rows[0]
print(json.dumps({'prompt': row['prompt'], 'truth': row['reward_model'], 'index': row['extra_info']['index'], 'rows': len(rows)}))`;
  const path = join(folder, 'datasets.parquet');
  const output = execFileSync(python, ['-c', script, path, join(folder, 'cache')], { encoding: 'utf8' });
  expect(JSON.parse(output)).toMatchObject({
    prompt: solved.prompt,
    truth: { ground_truth: '2', style: 'rule' },
    index: 0,
    rows: 2,
  });
});

test.each([
  ['verl', 'out.csv', '.parquet'],
  ['csv', 'out.jsonl', '.csv'],
  ['trl', 'out.PARQUET', '.jsonl'],
] as const)('rejects writing %s to %s', async (format, name, ending) => {
  const wanted = { out: join(folder, name), format, split: 'train', difficultyOf: statedDifficulty() };
  await expect(writeForTrainer([], wanted)).rejects.toThrow(`ends in ${ending} for ${format}`);
  expect(existsSync(wanted.out)).toBe(false);
});
