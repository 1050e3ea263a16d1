import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { stringifyJson } from '../../core/lossless-json.ts';
import type { Problem } from '../../core/problem.ts';
import { file, fileConfig } from '../file-source.ts';
import { readFileProblems } from '../read-file-source.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-shapes-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Reads rows as the problems of a JSON file. */
async function read(rows: readonly unknown[], options: Parameters<typeof file>[1] = {}): Promise<Problem[]> {
  writeFileSync(join(folder, 'p.json'), stringifyJson(rows));
  const problems: Problem[] = [];
  for await (const problem of readFileProblems(fileConfig.parse(file('p.json', options)), folder))
    problems.push(problem);
  return problems;
}

const user = (content: string) => [{ role: 'user' as const, content }];
const verl = (ability: string, truth: unknown, rest: object = {}) => ({
  data_source: 'd',
  prompt: user('q'),
  ability,
  reward_model: { style: 'rule', ground_truth: truth },
  extra_info: { index: 0, split: 'train' },
  ...rest,
});

test.each<[string, unknown, Partial<Problem>]>([
  [
    'Big-Math',
    {
      problem: 'q',
      answer: '2',
      source: 'orca_math',
      domain: ['Mathematics -> Algebra -> Prealgebra'],
      llama8b_solve_rate: 0.75,
    },
    {
      domain: 'math',
      family: 'Algebra',
      source: 'orca_math',
      passRates: [{ model: 'Llama-3.1-8B', successes: 48, trials: 64 }],
    },
  ],
  [
    'OpenMathReasoning',
    {
      expected_answer: '3',
      problem_type: 'has_answer_extracted',
      problem_source: 'aops_c4',
      problem: 'q',
      generated_solution: 'so 3',
      pass_rate_72b_tir: '0.65625',
      inference_mode: 'cot',
    },
    {
      answer: '3',
      source: 'aops_c4',
      solution: 'so 3',
      passRates: [{ model: 'Qwen2.5-Math-72B-Instruct (TIR)', successes: 21, trials: 32 }],
    },
  ],
  [
    'DeepMath',
    {
      question: 'q',
      final_answer: '\\frac{1}{2}',
      difficulty: 4.5,
      topic: 'Mathematics -> Calculus -> Limits',
      r1_solution_1: 's',
      r1_solution_2: 't',
    },
    { answer: '\\frac{1}{2}', family: 'Calculus', solution: 's', domain: 'math' },
  ],
  [
    'Omni-MATH',
    {
      domain: ['Mathematics -> Geometry -> Plane Geometry'],
      difficulty: 8,
      problem: 'q',
      solution: 's',
      answer: '1',
      source: 'china_tst',
    },
    { answer: '1', family: 'Geometry', domain: 'math', source: 'china_tst', extra: { difficulty: 8 } },
  ],
  [
    'OlympiadBench',
    {
      id: 1606,
      question: 'Find it.',
      solution: ['s'],
      final_answer: ['2'],
      context: 'Let T=3.',
      image_1: null,
      subfield: 'Algebra',
      is_multiple_answer: false,
      unit: null,
      answer_type: 'Numerical',
    },
    { id: '1606', prompt: user('Let T=3.\nFind it.'), answer: '2', solution: 's', family: 'Algebra' },
  ],
  [
    'OlympiadBench with two answers',
    { id: 1, question: 'q', final_answer: ['2', '-2'], is_multiple_answer: true },
    { answer: '2, -2' },
  ],
  [
    'Open-Reasoner-Zero',
    [
      { from: 'human', value: 'q' },
      { from: 'assistant', ground_truth: { value: '7' } },
    ],
    { answer: '7', domain: 'math' },
  ],
  [
    'ASDiv',
    { body: 'Seven red apples.', question: 'How many?', solution_type: 'Sum', answer: '7 (apples)' },
    { prompt: user('Seven red apples.\nHow many?'), answer: '7 (apples)' },
  ],
  [
    'SVAMP',
    { ID: 'chal-1', Body: 'Seven apples.', Question: 'How many?', Equation: '7', Answer: 7, Type: 'Sum' },
    { id: 'chal-1', prompt: user('Seven apples.\nHow many?'), answer: '7' },
  ],
  [
    'RLVR-GSM',
    { messages: user('q'), ground_truth: '72', dataset: 'gsm8k' },
    { prompt: user('q'), answer: '72' },
  ],
  [
    'SYNTHETIC-2 math',
    {
      problem_id: 'm_1',
      task_type: 'verifiable_math',
      prompt: 'q',
      verification_info: '{"ground_truth": "1/2"}',
      metadata: '{}',
      source: 'numina',
    },
    { id: 'm_1', domain: 'math', answer: '1/2', source: 'numina' },
  ],
  [
    'SYNTHETIC-1 math in Python literals',
    { problem_id: 'm_2', prompt: 'q', verification_info: "{'ground_truth': '1/2', 'note': None}" },
    { id: 'm_2', domain: 'math', answer: '1/2' },
  ],
  [
    'NeMo-Gym math',
    {
      responses_create_params: { input: [{ role: 'developer', content: 'Box it.' }, ...user('q')] },
      verifier_metadata: { expected_answer: '7' },
    },
    { prompt: [{ role: 'system', content: 'Box it.' }, ...user('q')], answer: '7', domain: 'math' },
  ],
  [
    'NeMo-Gym choices',
    {
      responses_create_params: { input: 'Which?\nA: one\nB: two' },
      options: [{ A: 'one' }, { B: 'two' }],
      expected_answer: 'B',
      uuid: 'u',
    },
    {
      id: 'u',
      domain: 'multiple-choice',
      answer: 'B',
      extra: expect.objectContaining({ choices: ['one', 'two'] }),
    },
  ],
  [
    'MMLU',
    { question: 'Which is even?', subject: 'math', choices: ['1', '2', '3', '5'], answer: 1 },
    {
      prompt: user('Which is even?\n\nA. 1\nB. 2\nC. 3\nD. 5'),
      answer: 'B',
      domain: 'multiple-choice',
      extra: { choices: ['1', '2', '3', '5'], subject: 'math' },
    },
  ],
  [
    'MMLU-Pro',
    {
      question_id: 70,
      question: 'Which?',
      options: ['x', 'y', 'z'],
      answer: 'C',
      answer_index: 2,
      category: 'law',
    },
    { answer: 'C' },
  ],
  [
    'ARC',
    {
      id: 'arc1',
      question: 'Which?',
      choices: { text: ['x', 'y'], label: ['1', '2'] },
      answerKey: '2',
    },
    { id: 'arc1', answer: 'B', prompt: user('Which?\n\nA. x\nB. y') },
  ],
  [
    'C-Eval',
    { id: 3, question: '哪个?', A: 'x', B: 'y', C: 'z', D: 'w', answer: 'D' },
    { answer: 'D', prompt: user('哪个?\n\nA. x\nB. y\nC. z\nD. w') },
  ],
  [
    'AQuA',
    { question: 'How much?', options: ['A)21', 'B)21.5'], rationale: 'r', correct: 'B' },
    { answer: 'B', prompt: user('How much?\n\nA. 21\nB. 21.5') },
  ],
  [
    'choices in the text and a gold that is one of them',
    { question: 'Which? A) Paris B) Rome', choices: "['Paris', 'Rome']", answer: 'Rome' },
    { answer: 'B', prompt: user('Which? A) Paris B) Rome') },
  ],
  [
    'verl with prompts as JSON text',
    verl('MATH', '2', { prompt: JSON.stringify(user('q')) }),
    { prompt: user('q') },
  ],
  [
    'verl with parts in a message',
    verl('math', '2', {
      prompt: [
        {
          role: 'user',
          content: [{ type: 'image' }, { type: 'text', text: 'q' }],
        },
      ],
    }),
    { prompt: user('<image>\nq') },
  ],
  [
    'Guru logic',
    verl('logic', '{"header": ["a"], "rows": [["b"]]}'),
    { domain: 'logic', answer: '{"header": ["a"], "rows": [["b"]]}' },
  ],
])('reads a row of %s', async (_, row, expected) => {
  expect((await read([row]))[0]).toMatchObject(expected);
});

const stdio = { type: 'stdio', cases: [{ input: '3\n', output: '6\n' }] };
const unittest =
  'import unittest\nclass TestCases(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(add(1, 2), 3)\n';
const pytest = 'from solution import add\n\ndef test_add():\n    assert add(1, 2) == 3\n';

test.each<[string, object, object, string]>([
  [
    'KodCode',
    {
      question_id: 'Filter_1',
      question: 'Write it.',
      solution: 'def add(a, b):\n    return a + b',
      test: pytest,
      test_info: [{ function_name: 'add', function_declaration: 'def add(a, b):' }],
      gpt_pass_sequence: [1, 0, 1],
      gpt_pass_percentage: 0.66,
    },
    {
      id: 'Filter_1',
      solution: 'def add(a, b):\n    return a + b',
      tests: { type: 'asserts', entryPoint: 'add' },
      passRates: [{ model: 'gpt-4o', successes: 2, trials: 3 }],
    },
    'Write it.\n\nBegin the function with this line:\n```python\ndef add(a, b):\n```',
  ],
  [
    'KodCode under its other name of the tests',
    { question: 'Write add(a, b).', test_code: pytest, test_info: [] },
    { tests: { type: 'asserts', entryPoint: 'add' } },
    'Write add(a, b).',
  ],
  [
    'AceCode',
    { id: 'oss_1', source: 'oss', question: 'Write a function.', test_cases: ['assert add(1,2)==3'] },
    { id: 'oss_1', source: 'oss', tests: { type: 'asserts', entryPoint: 'add' } },
    'Write a function.\n\nWrite a function of this name: add',
  ],
  [
    'rStar-Coder on stdin',
    { question_id: 's', question: 'Double.', starter_code: '', inputs: '["3\\n"]', outputs: '["6\\n"]' },
    { id: 's', tests: stdio },
    'Double.',
  ],
  [
    'rStar-Coder with starter code',
    {
      question: 'Double.',
      starter_code: 'class Solution:\n    def double(self, n: int) -> int:',
      inputs: ['[3]'],
      outputs: ['6'],
    },
    { tests: { type: 'function', entryPoint: 'double', cases: [{ arguments: [3], expected: 6 }] } },
    'Double.',
  ],
  [
    'verifiable-coding-problems',
    {
      problem_id: 'vcp_0',
      source: 'apps',
      task_type: 'verifiable_code',
      prompt: 'Double.',
      gold_standard_solution: 'p',
      verification_info:
        "{'language': 'python', 'test_cases': [{'type': 'stdin_stdout', 'input': '3\\n', 'output': '6\\n', 'fn_name': None}]}",
    },
    { id: 'vcp_0', source: 'apps', solution: 'p', tests: stdio },
    'Double.',
  ],
  [
    'SYNTHETIC-2 code',
    {
      problem_id: 'p',
      task_type: 'prime_rl_code',
      prompt: 'Double.',
      verification_info: JSON.stringify({ ground_truth: JSON.stringify(stdio.cases) }),
    },
    { id: 'p', tests: stdio },
    'Double.',
  ],
  [
    'NeMo-Gym code',
    {
      id: 4,
      responses_create_params: { input: user('Double.') },
      verifier_metadata: { unit_tests: { inputs: ['3\n'], outputs: ['6\n'], fn_name: null } },
    },
    { id: '4', tests: stdio },
    'Double.',
  ],
  [
    'Guru code',
    verl('codegen', '{"assert_case": ["assert add(1,2)==3"]}', { prompt: user('Double.') }),
    { source: 'd', tests: { type: 'asserts', entryPoint: 'add' } },
    'Double.',
  ],
  [
    'unittest beside an answer',
    { question: 'Write add.', answer: 'def add(a, b): ...', unit_test: unittest },
    { solution: 'def add(a, b): ...', tests: { type: 'asserts', entryPoint: 'add' } },
    'Write add.',
  ],
  [
    'BigCodeBench',
    {
      task_id: 'BigCodeBench/0',
      complete_prompt: 'def add(a, b):\n',
      instruct_prompt: 'Write add.',
      entry_point: 'add',
      test: unittest,
    },
    { id: 'BigCodeBench/0', tests: { type: 'asserts', entryPoint: 'add' } },
    'Write add.',
  ],
])('reads the tests and the question of a row of %s', async (_, row, expected, question) => {
  const [problem] = await read([row]);
  expect(problem).toMatchObject({ domain: 'code', ...expected });
  expect(problem!.answer).toBeUndefined();
  expect(problem!.prompt[0]!.content.startsWith(question)).toBe(true);
});

test('reads code rows as code even if the settings name the shape verl', async () => {
  const rows = [verl('math', '3'), verl('code', '{"inputs": ["3\\n"], "outputs": ["6\\n"]}')];
  expect((await read(rows, { shape: 'verl' })).map(({ domain }) => domain)).toEqual(['math', 'code']);
});

test.each<[string, unknown, Partial<Problem>]>([
  [
    "verl's columns as JSON text",
    {
      ...verl('math', '3'),
      prompt: '[{"role": "user", "content": "q"}]',
      reward_model: '{"style": "rule", "ground_truth": "3"}',
      extra_info: '{"index": 0}',
    },
    { domain: 'math', prompt: user('q'), answer: '3', extra: { extra_info: { index: 0 } } },
  ],
  [
    "verl's columns as pandas writes them to CSV",
    {
      ...verl('math', '3'),
      prompt: "array([{'content': 'q', 'role': 'user'}], dtype=object)",
      reward_model: "{'ground_truth': '3', 'style': 'rule'}",
    },
    { domain: 'math', prompt: user('q'), answer: '3' },
  ],
  [
    'tests as Python literals',
    verl('code', "{'inputs': ['3'], 'outputs': ['6']}"),
    {
      domain: 'code',
      tests: expect.objectContaining({ type: 'stdio', cases: [{ input: '3', output: '6' }] }),
    },
  ],
  [
    'a gold that repeats the choice',
    { question: 'q', options: ['A. x', 'B. y'], answer: '(B) y' },
    { domain: 'multiple-choice', answer: 'B' },
  ],
])('reads %s', async (_name, row, expected) => {
  expect((await read([row]))[0]).toMatchObject(expected);
});

test('the gold column named in the settings takes precedence over others', async () => {
  const row = { question: 'q', answer: 'It is 3, because …', final_answer: '3' };
  await expect(read([row])).rejects.toThrow('column "final_answer": expected the same gold in all columns');
  expect((await read([row], { columns: { answer: 'final_answer' } }))[0]).toMatchObject({ answer: '3' });
});

test('reads math and code rows of one verl file, each by its own gold', async () => {
  const tests = '{"inputs": ["3\\n"], "outputs": ["6\\n"]}';
  const rows = [verl('math', '3'), verl('code', tests), verl('coding', tests), verl('math', '4')];
  expect(
    (await read(rows)).map(({ domain, answer, tests: { type } = {} as never }) => [domain, answer ?? type]),
  ).toEqual([
    ['math', '3'],
    ['code', 'stdio'],
    ['code', 'stdio'],
    ['math', '4'],
  ]);
});

test.each<[string, readonly unknown[], string]>([
  [
    'a solution without its mark among GSM8K rows',
    [
      { question: 'q', answer: 'so\n#### 9' },
      { question: 'r', answer: 'so nine' },
    ],
    'p.json:2: expected a row of shape gsm8k, like the earlier rows with the same columns, got one of shape question-answer',
  ],
  [
    'a position that is the text of another choice',
    [{ question: 'q', choices: ['1', '2', '3'], answer: 1 }],
    'p.json:1: column "answer": expected a letter, since 1 is a position and the text of another choice',
  ],
  [
    'a gold that is not among the choices',
    [{ question: 'q', choices: ['x', 'y'], answer: 'E' }],
    'p.json:1: column "answer": expected a letter, a position from 0, or a text among ["x","y"], got "E"',
  ],
  [
    'a letter and a position that choose differently',
    [{ question: 'q', options: ['x', 'y'], answer: 'A', answer_index: 1 }],
    'p.json:1: column "answer_index": expected the position of "answer" A, which is 0, got 1',
  ],
  [
    'a letter without any choice',
    [{ question: 'q', choices: [], answer: 'A' }],
    'p.json:1: column "choices": expected a list of two or more choices, got []',
  ],
  [
    'an index without any choice',
    [{ question: 'q', choices: [], answer: 1 }],
    'p.json:1: column "choices": expected a list of two or more choices, got []',
  ],
  [
    'an interactive problem',
    [{ description: 'q', official_tests: [{ input: '1', output: '2' }], interaction_format: 'Ask ?' }],
    'p.json:1: column "interaction_format": expected a program that reads its whole input',
  ],
  [
    'a formula as the tests of a code row',
    [verl('code', '3')],
    'p.json:1: column "reward_model": expected tests as JSON or Python literals, got "3"',
  ],
  [
    'a passage that the question lacks',
    [{ question: 'q', passage: 'A long story.', answer: '3' }],
    'p.json:1: column "passage": expected its text in the question',
  ],
  [
    'two questions',
    [{ prompt: 'Solve the problem.', question: 'What is 1+1?', answer: '2' }],
    'p.json:1: column "question": expected one question in the row, got a second one: "What is 1+1?"',
  ],
  [
    'two golds',
    [{ question: 'q', answer: '3', ground_truth: '4' }],
    'p.json:1: column "ground_truth": expected the same gold in all columns, got "4" beside "3"',
  ],
  [
    'an object as a gold of math',
    [{ question: 'q', answer: '{"x": 1, "y": 2}' }],
    'p.json:1: column "answer": expected an answer, got an object',
  ],
  [
    'choices that cannot be read',
    [{ question: 'q', choices: "['1' '2' '3']", answer: '1' }],
    'p.json:1: column "choices": expected a list of two or more choices',
  ],
  [
    'a task with tools',
    [{ responses_create_params: { input: 'q', tools: [{ type: 'function' }] }, expected_answer: '1' }],
    'p.json:1: column "responses_create_params.tools": expected a task without tools',
  ],
  [
    'a task of another kind',
    [{ prompt: 'q', task_type: 'unscramble_sentence', verification_info: '{"ground_truth": "x"}' }],
    'p.json:1: column "verification_info": expected a gold "ground_truth" or "test_cases"',
  ],
  [
    'tests of programs in C++',
    [{ prompt: 'q', verification_info: { language: 'cpp', test_cases: [{ input: '1', output: '2' }] } }],
    'p.json:1: column "verification_info.language": expected tests of Python programs, got cpp',
  ],
])('rejects %s', async (_, rows, message) => {
  await expect(read(rows)).rejects.toThrow(message);
});

test('a named shape accepts contradicting columns', async () => {
  const row = { question: 'q', passage: 'A long story.', answer: '3' };
  const [problem] = await read([row], { shape: 'question-answer' });
  expect(problem).toMatchObject({ prompt: user('q'), answer: '3', extra: { passage: 'A long story.' } });
});

test.each([
  { question: 'Given a story: A long story. q', passage: 'A long   story.', answer: '3' },
  { prompt: 'Answer: What is 1+1?', question: 'What is 1+1?', answer: '2' },
  { question: 'q', answer: '3', ground_truth: '\\boxed{3}', final_answer: 3 },
  { question: 'q', answer: '3', context: '', options: [] },
  { id: 'a', domain: 'math', source: 's', prompt: 'q', answer: '3', passage: 'A long story.' },
])('accepts columns that agree with the problem: %j', async (row) => {
  expect(await read([row])).toHaveLength(1);
});

test.each([
  [
    'FlashRAG',
    {
      id: 'train_0',
      question: 'who is it',
      golden_answers: ['Ann', 'Ann Lee'],
      metadata: { type: 'bridge' },
    },
    { id: 'train_0', prompt: user('who is it'), source: 'p.json' },
  ],
  [
    'Search-R1',
    {
      id: 'train_0',
      question: 'who is it',
      golden_answers: ['Ann', 'Ann Lee'],
      data_source: 'nq',
      prompt: user('Answer the given question. Question: who is it\n'),
      ability: 'fact-reasoning',
      reward_model: { style: 'rule', ground_truth: { target: ['Ann', 'Ann Lee'] } },
      extra_info: { split: 'train', index: 0 },
    },
    { prompt: user('Answer the given question. Question: who is it\n'), source: 'nq' },
  ],
])('reads a row of %s with all its golds, in the domain short-answer', async (_, row, expected) => {
  const [problem] = await read([row]);
  expect(problem).toMatchObject({ ...expected, domain: 'short-answer', answer: 'Ann' });
  expect(problem!.extra).toMatchObject({ golden_answers: ['Ann', 'Ann Lee'] });
});

test('Search-R1: ignores ids, which repeat between its data sets', async () => {
  const row = (question: string) => ({
    ...verl('fact-reasoning', { target: ['Ann'] }, { prompt: user(question) }),
    id: 'train_0',
  });
  const problems = await read([row('who?'), row('whom?')]);
  expect(problems[0]!.id).not.toBe(problems[1]!.id);
  expect(problems[0]!.extra).toMatchObject({ question_id: 'train_0' });
});

test("reads R1-Searcher's rows as questions with an answer, in the domain named in the settings", async () => {
  const [problem] = await read([{ question: 'who is it', answer: 'Ann' }], { domain: 'short-answer' });
  expect(problem).toMatchObject({ prompt: user('who is it'), answer: 'Ann', domain: 'short-answer' });
});

test('golds that are not strings give an error that names their column', async () => {
  await expect(read([{ question: 'q', golden_answers: [] }])).rejects.toThrow(
    'column "golden_answers": expected a string or a list of strings',
  );
  await expect(read([verl('x', { target: [1] })])).rejects.toThrow(
    'column "reward_model.ground_truth.target": expected a string or a list of strings',
  );
});
