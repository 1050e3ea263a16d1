import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type FakeHub, openFakeHub } from '../../../test/hub/fake-hub.ts';
import type { Problem } from '../../core/problem.ts';
import { findPublishedSuite, publishedSuite, publishedSuites } from './published-suites.ts';
import { parseHubAddress } from '../../hub/address.ts';
import { openVerifiers } from '../../verifiers/open-verifiers.ts';
import { loadSources } from '../../problems/load-problems.ts';
import { planEvaluation } from '../plan-evaluation.ts';
import { publishedEvaluation } from './published-evaluation.ts';

type Row = Readonly<Record<string, unknown>>;

/** Encodes LiveCodeBench's private tests: a JSON string, pickled, compressed with zlib and encoded in base64. */
function pickled(tests: unknown): string {
  const text = Buffer.from(JSON.stringify(tests));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return deflateSync(Buffer.concat([Buffer.from([0x80, 3, 0x58]), length, text, Buffer.from('.')])).toString(
    'base64',
  );
}

const contest = (rest: Row): Row => ({
  question_title: 'T',
  platform: 'leetcode',
  contest_id: 'c',
  contest_date: '2024-09-01T00:00:00',
  difficulty: 'easy',
  ...rest,
});
const stdin = [{ input: '2', output: '4', testtype: 'stdin' }];
const functional = [{ input: '2', output: '4', testtype: 'functional' }];

/** Invented rows with the columns of each published file, and a right and a wrong answer to each. */
const made: Record<string, { rows: readonly Row[]; asked: string; right: string; wrong: string }> = {
  'data/train-00000-of-00001.parquet': {
    rows: [{ id: 60, problem: 'What is 200+4?', solution: 's', answer: '204', url: 'u', year: '2024' }],
    asked: 'What is 200+4?\nPlease reason step by step, and put your final answer within \\boxed{}.',
    right: '\\boxed{204}',
    wrong: '204',
  },
  'aime25 test.jsonl': {
    rows: [{ problem: 'What is 7+0?', answer: '007', id: '0' }],
    asked: 'What is 7+0?\nPlease reason step by step, and put your final answer within \\boxed{}.',
    right: '\\boxed{7}',
    wrong: '\\boxed{8}',
  },
  'math500 test.jsonl': {
    rows: [
      {
        problem: 'Half?',
        solution: 's',
        answer: '\\frac{1}{2}',
        subject: 'Algebra',
        level: 2,
        unique_id: 'test/a/1.json',
      },
    ],
    asked: 'Half?\nPlease reason step by step, and put your final answer within \\boxed{}.',
    right: '\\boxed{0.5}',
    wrong: '\\boxed{2}',
  },
  'main/test-00000-of-00001.parquet': {
    rows: [{ question: 'Tom has 1,000 eggs and 8 more?', answer: 'He has <<1000+8=1008>>1008.\n#### 1,008' }],
    asked:
      'Tom has 1,000 eggs and 8 more?\nPlease reason step by step, and put your final answer within \\boxed{}.',
    right: '\\boxed{1008}',
    wrong: '\\boxed{8}',
  },
  'openai_humaneval/test-00000-of-00001.parquet': {
    rows: [
      {
        task_id: 'HumanEval/0',
        prompt: 'def twice(x):\n    """Twice x."""\n',
        canonical_solution: '    return 2 * x\n',
        test: 'def check(candidate):\n    assert candidate(2) == 4\n',
        entry_point: 'twice',
      },
    ],
    asked:
      'Complete the following Python function. Answer with the whole function, its imports included, in one ```python block.' +
      '\n\n```python\ndef twice(x):\n    """Twice x."""\n\n```',
    right: '```python\ndef twice(x):\n    return x + x\n```',
    wrong: '```python\ndef twice(x):\n    return x\n```',
  },
  'full/test-00000-of-00001.parquet': {
    rows: [
      {
        task_id: 11,
        text: 'Write a function that doubles.',
        code: 'def twice(x):\n  return 2 * x',
        test_list: ['assert twice(2) == 4', 'assert twice(0) == 0'],
        test_setup_code: '',
        challenge_test_list: [],
      },
    ],
    asked:
      'Write a function that doubles.\n\nYour code should pass these tests:\n\nassert twice(2) == 4\nassert twice(0) == 0' +
      '\n\nAnswer with the code in one ```python block.',
    right: '```python\ndef twice(x):\n    return x + x\n```',
    wrong: '```python\ndef twice(x):\n    return 4\n```',
  },
  'test4.jsonl': {
    rows: [
      contest({
        question_id: 'abc_a',
        question_content: 'Print twice the number.',
        starter_code: '',
        public_test_cases: JSON.stringify(stdin),
        private_test_cases: pickled([{ input: '5', output: '10', testtype: 'stdin' }]),
        metadata: '{}',
      }),
    ],
    asked:
      'You will be given a question (problem specification) and will generate a correct Python program that matches the ' +
      'specification and passes all tests.\n\nQuestion: Print twice the number.\n\nRead the inputs from stdin solve the problem ' +
      'and write the answer to stdout (do not directly test on the sample inputs). Enclose your code within delimiters as ' +
      'follows. Ensure that when the python program runs, it reads the inputs, runs the algorithm and writes output to STDOUT.\n' +
      '```python\n# YOUR CODE HERE\n```\n\n',
    right: '```python\nprint(2 * int(input()))\n```',
    wrong: '```python\nprint(4)\n```',
  },
  'test5.jsonl': {
    rows: [
      contest({
        question_id: '3001',
        question_content: 'Double it.',
        starter_code: 'class Solution:\n    def twice(self, x: int) -> int:\n        ',
        public_test_cases: JSON.stringify(functional),
        private_test_cases: pickled([{ input: '5', output: '10', testtype: 'functional' }]),
        metadata: '{"func_name": "twice"}',
      }),
    ],
    asked:
      'You will be given a question (problem specification) and will generate a correct Python program that matches the ' +
      'specification and passes all tests.\n\nQuestion: Double it.\n\nYou will use the following starter code to write the ' +
      'solution to the problem and enclose your code within delimiters.\n```python\nclass Solution:\n' +
      '    def twice(self, x: int) -> int:\n        \n```\n\n',
    right: '```python\nclass Solution:\n    def twice(self, x):\n        return x * 2\n```',
    wrong: '```python\nclass Solution:\n    def twice(self, x):\n        return 4\n```',
  },
};

const madeFor = (suite: string, path: string) => made[`${suite} ${path}`] ?? made[path]!;

function fileOf(path: string, rows: readonly Row[]): string | Uint8Array {
  if (path.endsWith('.jsonl')) return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const columnData = Object.keys(rows[0]!).map((name) => ({
    name,
    data: rows.map((row) => row[name]),
    ...(Array.isArray(rows[0]![name]) ? { type: 'JSON' as const } : {}),
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

/** Every published repository at its real commit, but with invented content. */
const repositories = publishedSuites.map(({ name, problems }) => {
  const addresses = problems.map(({ path }) => parseHubAddress(path));
  const { repository, revision } = addresses[0]!;
  const files = Object.fromEntries(
    addresses.map(({ path }) => [path, fileOf(path, madeFor(name, path).rows)]),
  );
  return { name: repository, commits: { [revision]: files }, branches: {} };
});

let folder: string;
let hub: FakeHub;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gradus-suites-'));
  hub = await openFakeHub(repositories);
  vi.stubEnv('HF_HUB_CACHE', folder);
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

test.each(publishedSuites.map((suite) => [suite.name, suite] as const))(
  'reads, prompts and judges %s using its own columns',
  async (name, { problems: sources, domain, rollouts }) => {
    // Skip the hash check: the published hashes are those of the real files.
    const set = sources.map((_, i) => `evaluation[0].problems[${i}].sha256=null`);
    const recipe = publishedEvaluation([name], { set });
    const [suite] = recipe.evaluation;
    expect(suite).toMatchObject({
      name,
      rollouts,
      maxTokens: 32_768,
      temperature: 0.6,
      topP: 0.95,
      greedy: false,
    });
    const { problems, records } = await loadSources(suite!.problems, recipe);
    expect(records.map(({ commit, source }) => source.includes(`@${commit}/`))).toEqual(
      sources.map(() => true),
    );
    await using opened = new AsyncDisposableStack();
    const verifierFor = openVerifiers(recipe, opened);
    for (const [i, problem] of problems.entries()) {
      const { asked, right, wrong } = madeFor(name, parseHubAddress(sources[i]!.path).path);
      expect(problem.domain).toBe(domain);
      expect(problem.prompt).toEqual([{ role: 'user', content: asked }]);
      expect(await outcomesOf(verifierFor(problem), problem, right, wrong)).toEqual(['correct', 'not']);
    }
  },
);

async function outcomesOf(
  verifier: ReturnType<ReturnType<typeof openVerifiers>>,
  problem: Problem,
  ...answers: string[]
): Promise<string[]> {
  verifier.check(problem);
  const verdicts = answers.map((answer) => verifier.verify(problem, answer));
  return (await Promise.all(verdicts)).map(({ outcome }) => (outcome === 'correct' ? 'correct' : 'not'));
}

test('rejects content whose hash differs from the published one', async () => {
  const recipe = publishedEvaluation(['math500']);
  await expect(loadSources(recipe.evaluation[0]!.problems, recipe)).rejects.toThrow(
    /MATH-500@6e4ed1a.*test.jsonl: expected content with sha256 35dc4108/,
  );
});

test('finds suites by their names in lighteval and lm-eval', () => {
  const names = [
    'lighteval|math_500|0|0',
    'hendrycks_math500',
    'MATH-500',
    'lcb:codegeneration',
    'custom|aime24|0',
    'x',
  ];
  expect(names.map((name) => findPublishedSuite(name)?.name)).toEqual([
    'math500',
    'math500',
    'math500',
    'livecodebench',
    'aime24',
    undefined,
  ]);
  const all = publishedSuites.flatMap(({ name, aliases }) => [name, ...aliases]);
  expect(new Set(all).size).toBe(all.length);
});

test('accepts a replacement file for a suite and a server as the model', async () => {
  const path = join(folder, 'mine.jsonl');
  writeFileSync(path, '{"problem":"1+1?","answer":"2"}\n');
  const { source, parts } = await planEvaluation('some-model', {
    suites: ['lighteval|math_500|0|0'],
    suiteData: { math500: path },
    set: [
      'policy.engine.type=openai',
      'policy.engine.baseUrl=http://127.0.0.1:1/v1',
      'evaluation[0].rollouts=2',
    ],
  });
  expect(source).toEqual({ folder: 'some-model' });
  const [suite] = parts[0]!.recipe.evaluation;
  expect(suite).toMatchObject({ name: 'math500', rollouts: 2 });
  const { problems } = await loadSources(suite!.problems, parts[0]!.recipe);
  expect(problems[0]!.prompt[0]!.content).toMatch(/^1\+1\?\nPlease reason/);
});

test('reports an unknown suite as one clear error', async () => {
  expect(() => publishedEvaluation(['aime23'])).toThrow(
    'expected the name of a published suite (aime24, aime25',
  );
  await expect(planEvaluation(folder, { suites: [], set: [] })).rejects.toThrow('contains no suites');
});

test('adds a system message to the prompts of every file of a suite, whether set in a recipe or by an assignment', () => {
  const { problems } = publishedSuite('livecodebench', { system: 'Be brief.' });
  expect(problems.length).toBeGreaterThan(1);
  expect(problems.every(({ system }) => system === 'Be brief.')).toBe(true);
  const [suite] = publishedEvaluation(['math500'], {
    set: ['evaluation[0].problems[0].system=Be brief.'],
  }).evaluation;
  expect(suite!.problems[0]).toMatchObject({ type: 'file', system: 'Be brief.' });
  expect(publishedSuite('math500').problems[0]).not.toHaveProperty('system');
});
