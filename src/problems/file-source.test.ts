import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { DataError, GradusError } from '../core/errors.ts';
import { stringifyJson } from '../core/lossless-json.ts';
import type { Problem } from '../core/problem.ts';
import { file, fileConfig } from './file-source.ts';
import { readFileProblems, type ReadFileOptions } from './read-file-source.ts';
import { questionOf } from './hygiene/golds.ts';
import { readPassRate } from './shapes/pass-rate-label.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-file-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

type Options = Parameters<typeof file>[1];

async function read(
  rows: readonly unknown[],
  options: Options = {},
  hooks: ReadFileOptions = {},
): Promise<Problem[]> {
  writeFileSync(join(folder, 'p.json'), stringifyJson(rows));
  const problems: Problem[] = [];
  for await (const problem of readFileProblems(fileConfig.parse(file('p.json', options)), folder, hooks))
    problems.push(problem);
  return problems;
}

const user = (content: string) => [{ role: 'user', content }];
const verlRow = (rest: object) => ({
  data_source: 'deepscaler',
  prompt: user('1+1=?'),
  ability: 'MATH',
  reward_model: { style: 'rule', ground_truth: '2' },
  ...rest,
});

test.each<[string, object, Partial<Problem>]>([
  ['Gradus', { prompt: 'q', answer: 2, knob: 3, source: 's' }, { answer: '2', knob: 3, source: 's' }],
  [
    'GSM8K',
    { question: 'q', answer: 'She has 7 + 2 = <<7+2=9>>9.\n#### 9' },
    { answer: '9', solution: 'She has 7 + 2 = <<7+2=9>>9.\n#### 9' },
  ],
  [
    'MATH without an answer column',
    {
      problem: 'q',
      level: 'Level 3',
      type: 'Algebra',
      solution: 'so $\\boxed{\\frac{1}{2}}$, or \\boxed{\\{x^{2}\\}}',
    },
    { answer: '\\frac{1}{2} or \\{x^{2}\\}', family: 'Algebra', knob: 3 },
  ],
  [
    'MATH-500',
    { problem: 'q', level: 2, subject: 'Geometry', solution: 's', answer: '5', unique_id: 'test/1' },
    { id: 'test/1', answer: '5', family: 'Geometry', knob: 2 },
  ],
  ['NuminaMath', { problem: 'q', solution: 'thus $\\boxed{3}$', source: 'olympiads' }, { answer: '3' }],
  [
    'AIME in capitals',
    { ID: '2024-I-1', Problem: 'q', Solution: 's', Answer: 204 },
    { id: '2024-I-1', answer: '204' },
  ],
  [
    'AIME 1983–2024',
    { ID: '1983-1', Year: 1983, 'Problem Number': 1, Question: 'q', Answer: '60', Part: null },
    { id: '1983-1', answer: '60' },
  ],
  ['AIME by year', { id: 7, problem: 'q', answer: '070', year: '2024' }, { id: '7', answer: '070' }],
  ['DeepScaleR', { problem: 'q', answer: '26', solution: '' }, { answer: '26' }],
  [
    'POLARIS',
    { problem: 'q', answer: '26', difficulty: '5/8' },
    { passRates: [{ model: 'DeepSeek-R1-Distill-Qwen-7B', successes: 5, trials: 8 }] },
  ],
  ['verl', verlRow({ extra_info: { index: 3 } }), { answer: '2', domain: 'math', source: 'deepscaler' }],
  [
    'AdaRFT',
    verlRow({ extra_info: { difficulty: 1.5625 } }),
    { passRates: [{ model: 'Qwen2.5-Math-7B', successes: 126, trials: 128 }] },
  ],
  [
    'Skywork-OR1',
    verlRow({
      reward_model: { ground_truth: '["\\\\frac{1}{2}"]' },
      extra_info: { model_difficulty: { 'R1-7B': 4, 'R1-32B': 0 } },
    }),
    {
      answer: '\\frac{1}{2}',
      passRates: [
        { model: 'R1-7B', successes: 12, trials: 16 },
        { model: 'R1-32B', successes: 16, trials: 16 },
      ],
    },
  ],
  ['TRL', { prompt: user('q'), solution: 'thus $\\boxed{3}$' }, { answer: '3' }],
  [
    'TRL with ground truth',
    { prompt: 'q', ground_truth: '4', solution: 'long' },
    { answer: '4', solution: 'long' },
  ],
  ['question and answer', { question: 'q', answer: 4 }, { answer: '4' }],
])('detects %s rows by their columns', async (_, row, expected) => {
  const [problem] = await read([row]);
  expect(problem).toMatchObject(expected);
  expect(problem!.prompt.at(-1)!.content).toMatch(/^(?:q|1\+1=\?)$/);
});

test('removes the instructions around a DAPO-17k question', async () => {
  const before =
    'Solve the following math problem step by step. The last line of your response should be of the form Answer: $Answer.\n\n';
  const after = '\n\nRemember to put your answer on its own line after "Answer:".';
  const [problem] = await read([verlRow({ prompt: user(`${before}What is\n\n$1+1$?${after}`) })]);
  expect(problem!.prompt).toEqual(user('What is\n\n$1+1$?'));
});

test('reads the tests of code rows and adds a note on input and output to the question', async () => {
  const rows = [{ question: 'Double.', input_output: '{"inputs":["1"],"outputs":["2"]}', problem_id: 9 }];
  const [problem] = await read(rows);
  expect(problem).toEqual({
    id: '9',
    domain: 'code',
    prompt: [{ role: 'user', content: expect.stringMatching(/^Double\.\n\nRead the inputs from stdin/) }],
    tests: expect.objectContaining({ type: 'stdio', cases: [{ input: '1', output: '2' }] }) as object,
    source: 'p.json',
  });
  expect(questionOf(problem!)).toBe('Double.');
});

const functional = { public_test_cases: '[{"input":"1","output":"2","testtype":"functional"}]' };

test.each<[string, object, string]>([
  [
    'the starter code',
    {
      ...functional,
      question_content: 'Add.',
      starter_code: 'class Solution:',
      metadata: '{"func_name":"add"}',
    },
    'Add.\n\nYou will use the following starter code to write the solution to the problem and enclose your code within ' +
      'delimiters.\n```python\nclass Solution:\n```',
  ],
  [
    'the name of the function',
    { ...functional, question_content: 'Add.', starter_code: '', metadata: '{"func_name":"add"}' },
    'Add.\n\nWrite a function of this name: add',
  ],
  [
    'the assertions of MBPP',
    { text: 'Add.', test_list: ['assert add(1) == 2', 'assert add(2) == 3'] },
    'Add.\n\nYour code should pass these tests:\n\nassert add(1) == 2\nassert add(2) == 3',
  ],
  [
    'nothing if the prompt is the start of the program',
    { prompt: 'def add(x):\n', entry_point: 'add', test: 'def check(f): pass' },
    'def add(x):\n',
  ],
])('the prompt of a code row ends with %s', async (_, row, asked) => {
  const [problem] = await read([row]);
  expect(problem!.prompt).toEqual(user(asked));
  expect(questionOf(problem!)).toBe(asked.split('\n\n')[0]);
});

test('inserts the question into an instruction with a placeholder', async () => {
  const instruction = 'Question: {question}\nSay $& and {question}.';
  const [problem] = await read([{ question: '$1 + $1?', answer: 2 }], { instruction });
  expect(problem!.prompt).toEqual(user('Question: $1 + $1?\nSay $& and $1 + $1?.'));
  const [plain] = await read([{ question: '$1 + $1?', answer: 2 }]);
  expect(problem!.id).toBe(plain!.id);
});

test('puts the system message first and replaces one in the data', async () => {
  const asked = [
    { role: 'system', content: 'old' },
    { role: 'user', content: 'q' },
  ];
  const wording = { system: 'Box it.', instruction: 'Now.' };
  const [own, plain] = await read(
    [
      { prompt: asked, answer: 1 },
      { prompt: 'q', answer: 2 },
    ],
    wording,
  );
  for (const problem of [own, plain])
    expect(problem!.prompt).toEqual([{ role: 'system', content: 'Box it.' }, ...user('q\nNow.')]);
  const [untouched] = await read([{ prompt: asked, answer: 1 }]);
  expect(untouched!.prompt).toEqual(asked);
  expect(untouched!.id).toBe(own!.id);
});

test('applies column names, an instruction and a pass-rate label', async () => {
  const label = { column: 'stats.solved', model: 'm', counts: 'successes', trials: 4, unit: 'rate' } as const;
  const [problem] = await read([{ frage: 'q', antwort: '1', stats: { solved: 0.75 } }], {
    columns: { prompt: 'frage', answer: 'antwort' },
    instruction: 'Box it.',
    passRates: [label],
  });
  expect(problem).toMatchObject({
    prompt: user('q\nBox it.'),
    answer: '1',
    passRates: [{ model: 'm', successes: 3, trials: 4 }],
    extra: { stats: { solved: 0.75 } },
  });
});

test('rejects a label whose column no row contains', async () => {
  const label = { model: 'm', counts: 'successes', trials: 4, unit: 'rate' } as const;
  const rows = [{ prompt: 'q', answer: '1', stats: { solved: 0.5 } }];
  await expect(read(rows, { passRates: [{ ...label, column: 'stats.solvd' }] })).rejects.toThrow(
    'expected pass rates in column "stats.solvd", got no row with a value there',
  );
  expect(await read(rows, { passRates: [{ ...label, column: 'stats.solved' }] })).toHaveLength(1);
});

test.each([
  ['no known columns', [{ a: 1 }], 'p.json:1: expected columns of a known shape, got columns a'],
  [
    'a list inside an object',
    [{ data: [{ question: 'q', answer: '1' }] }],
    "got columns data (a list of rows inside an object: jq '.data' extracts it)",
  ],
  ['another separator', [{ 'question;answer': 'q;1' }], 'columns question;answer (fields separated by ";"'],
  ['no object', ['x'], 'p.json:1: expected columns of a known shape, got "x"'],
  ['no rows', [], 'p.json: expected one problem per row, got an empty file'],
  [
    'a wrong label',
    [
      { problem: 'q', answer: '1', difficulty: '1/8' },
      { problem: 'r', answer: '1', difficulty: '3/16' },
    ],
    'p.json:2: column "difficulty": expected successes of 8 trials as a k/n, got "3/16"',
  ],
  [
    'two golds',
    [verlRow({ reward_model: { ground_truth: ['1', '2'] } })],
    'p.json:1: column "reward_model.ground_truth": expected one gold answer, got 2',
  ],
  [
    'a repeated id',
    [
      { id: 'a', prompt: 'p', answer: '1' },
      { id: 'a', prompt: 'q', answer: '1' },
    ],
    'p.json:2: expected a new "id", got "a" again (first at p.json:1)',
  ],
  [
    'a solution without its box',
    [{ problem: 'q', level: 'Level 1', solution: 'trivial' }],
    'p.json:1: expected a gold "answer or boxed in solution"',
  ],
])('reports %s as one error that names a fix', async (_, rows, message) => {
  await expect(read(rows)).rejects.toThrow(message);
});

test('counts invalid rows and reads the others', async () => {
  const skipped: string[] = [];
  const rows = [{ problem: 'q', answer: '1' }, { problem: 'r' }, 7, { problem: 's', answer: '2' }];
  const hooks = { onSkip: (error: DataError) => skipped.push(error.message) };
  const problems = await read(rows, { onError: 'skip' }, hooks);
  expect(problems.map(({ answer }) => answer)).toEqual(['1', '2']);
  expect(skipped).toEqual([expect.stringContaining('p.json:2: '), expect.stringContaining('p.json:3: ')]);
  await expect(read([{ problem: 'r', answer: '' }, 7], { onError: 'skip' })).rejects.toThrow('p.json:1: ');
});

test('reads any file content as problems or throws a DataError', async () => {
  const names = [
    'prompt',
    'answer',
    'question',
    'problem',
    'solution',
    'level',
    'reward_model',
    'extra_info',
    'tests',
    'difficulty',
  ];
  const row = fc.dictionary(
    fc.constantFrom(...names),
    fc.oneof(fc.jsonValue(), fc.constant('q'), fc.constant(user('q'))),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(row, fc.jsonValue()), { maxLength: 3 }), async (rows) => {
      const error: unknown = await read(rows).then(
        () => undefined,
        (cause: unknown) => cause,
      );
      expect(error === undefined || (GradusError.isInstance(error) && error.code === 'DATA_INVALID')).toBe(
        true,
      );
    }),
    { numRuns: 300 },
  );
});

test('converts a label that counts successes or failures to whole trials, or rejects it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 256 }), fc.nat(), fc.boolean(), (trials, draw, isFailures) => {
      const counted = draw % (trials + 1);
      const counts = isFailures ? 'failures' : 'successes';
      const label = { column: 'c', model: 'm', counts, trials } as const;
      const successes = isFailures ? trials - counted : counted;
      const expected = { model: 'm', successes, trials };
      expect(readPassRate({ ...label, unit: 'count' }, counted)).toEqual(expected);
      expect(readPassRate({ ...label, unit: 'rate' }, counted / trials)).toEqual(expected);
      expect(readPassRate({ ...label, unit: 'percent' }, (100 * counted) / trials)).toEqual(expected);
      expect(readPassRate({ ...label, unit: 'k/n' }, `${counted}/${trials}`)).toEqual(expected);
      expect(() => readPassRate({ ...label, unit: 'count' }, counted + 0.5)).toThrow(DataError);
      expect(() => readPassRate({ ...label, unit: 'count' }, trials + 1)).toThrow(DataError);
      expect(() => readPassRate({ ...label, unit: 'rate' }, -1)).toThrow(DataError);
    }),
  );
});
