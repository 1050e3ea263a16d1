import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { contestImports } from './contest-tests.ts';
import { readCodeProblem, readTests } from './read-problem.ts';

const testsOf = (row: object): unknown => readTests({ ...row }, 'file:1');

describe('readCodeProblem', () => {
  test('HumanEval: splits the prompt into the text before the function and its opening', () => {
    const row = {
      task_id: 'HumanEval/1',
      prompt: 'import math\n\ndef half(x):\n    """Half."""\n',
      entry_point: 'half',
      test: 'def check(candidate):\n    assert candidate(4) == 2\n',
    };
    expect(readCodeProblem(row, 'file:1')).toMatchObject({
      id: 'HumanEval/1',
      tests: {
        type: 'asserts',
        entryPoint: 'half',
        preamble: 'import math\n\n',
        opening: 'def half(x):\n    """Half."""\n',
        tests: ['check(half)'],
      },
    });
  });

  test('MBPP: the function is the one that the reference defines', () => {
    const row = {
      task_id: 11,
      text: 'Sort.',
      code: 'def helper(x): return x\ndef order(x): return sorted(x)',
      test_list: ['assert list(order([2, 1])) == [1, 2]'],
      challenge_test_list: ['assert order([]) == []'],
      test_setup_code: 'root = 1',
    };
    expect(readCodeProblem(row, 'file:1')).toMatchObject({
      id: '11',
      tests: { entryPoint: 'order', setup: '\nroot = 1\n'.trimStart() },
    });
    expect(testsOf({ ...row, code: undefined })).toMatchObject({ entryPoint: 'order' });
    expect((testsOf(row) as { tests: string[] }).tests).toHaveLength(2);
  });

  test('APPS and TACO: strings, lists of lines, and calls whose result may be wrapped', () => {
    const pairs = { inputs: ['1 2\n', ['3', '4']], outputs: ['3\n', ['7']] };
    expect(testsOf({ input_output: JSON.stringify(pairs) })).toMatchObject({
      type: 'stdio',
      cases: [
        { input: '1 2\n', output: '3\n' },
        { input: '3\n4', output: '7' },
      ],
    });
    const calls = {
      fn_name: 'add',
      inputs: [
        [1, 2],
        [[3], 4],
      ],
      outputs: [[3], 7],
    };
    expect(testsOf({ input_output: calls })).toMatchObject({
      type: 'function',
      entryPoint: 'add',
      cases: [
        { arguments: [1, 2], expected: [3], alsoAccepted: [3] },
        { arguments: [[3], 4], expected: 7 },
      ],
    });
  });

  test('Codeforces and DeepCoder: listed tests with limits and a checker', () => {
    const row = {
      problem: 'p',
      tests: [{ input: '1', output: '2' }],
      time_limit: 2,
      memory_limit: 256,
      generated_checker: 'def check(i, e, p): return True',
    };
    const { tests, ...rules } = row;
    const expected = {
      type: 'stdio',
      language: 'python',
      comparison: 'numbers',
      cases: [{ input: '1', output: '2' }],
      maxCpuMs: 2000,
      maxMemoryBytes: 256 * 2 ** 20,
      checker: row.generated_checker,
    };
    expect(testsOf(row)).toEqual({ ...expected, preamble: contestImports });
    expect(testsOf({ ...rules, official_tests: tests })).toEqual(expected);
    const functional = {
      tests: [{ input: '[1]\n2', output: '3', testtype: 'functional', metadata: { func_name: 'f' } }],
    };
    expect(testsOf(functional)).toMatchObject({
      type: 'function',
      entryPoint: 'f',
      cases: [{ arguments: [[1], 2], expected: 3 }],
    });
  });

  test('LiveCodeBench: public JSON, private base64 of a compressed pickle', () => {
    const row = {
      question_id: 'abc',
      question_content: 'Sum.',
      starter_code: 'class Solution: ...',
      public_test_cases: '[{"input": "[2]\\n5", "output": "7", "testtype": "functional"}]',
      // base64(zlib(pickle.dumps(json.dumps([{"input": "[1,2]\n3", "output": "6", "testtype": "functional"}]))))
      private_test_cases:
        'eJxrYJnqwgABPQ7R1UqZeQWlJUpWCkrRhjpGsTF5xko6Ckr5pSVQUTMQtyS1uKSksiAVJJBWmpdckpmfl5ijVBs7RQ8AODgW6g==',
      metadata: '{"func_name": "total"}',
    };
    expect(testsOf(row)).toMatchObject({
      type: 'function',
      entryPoint: 'total',
      cases: [
        { arguments: [[2], 5], expected: 7 },
        { arguments: [[1, 2], 3], expected: 6 },
      ],
    });
  });

  test('CodeContests: three sets of tests with the limits in the row', () => {
    const row = {
      name: 'p',
      public_tests: { input: ['1'], output: ['2'] },
      private_tests: { input: ['3'], output: ['4'] },
      generated_tests: { input: [], output: [] },
      time_limit: { seconds: 1, nanos: 500_000_000 },
      memory_limit_bytes: 256_000_000,
    };
    expect(testsOf(row)).toMatchObject({ type: 'stdio', maxCpuMs: 1500, maxMemoryBytes: 256_000_000 });
    expect((testsOf(row) as { cases: unknown[] }).cases).toHaveLength(2);
  });

  test('verl: the tests are inside reward_model', () => {
    const row = { prompt: 'p', reward_model: { ground_truth: '{"inputs": ["1"], "outputs": ["2"]}' } };
    expect(testsOf(row)).toMatchObject({ type: 'stdio', cases: [{ input: '1', output: '2' }] });
  });

  test('BigCodeBench: one test for each method of a unittest class', () => {
    const row = {
      task_id: 'BigCodeBench/0',
      complete_prompt: 'import math\ndef task_func(x):\n    """Double."""\n',
      instruct_prompt: 'Double.',
      entry_point: 'task_func',
      test: 'import unittest\nclass TestCases(unittest.TestCase):\n    def setUp(self):\n        self.x = 2\n    def test_a(self):\n        def test_inner(): pass\n        self.assertEqual(task_func(self.x), 4)\n    async def test_b(self): pass\nunittest.main()\n',
    };
    expect(testsOf(row)).toMatchObject({
      type: 'asserts',
      entryPoint: 'task_func',
      preamble: 'import math\n',
      tests: ['__run_test__(TestCases, "test_a")', '__run_test__(TestCases, "test_b")'],
    });
    expect(JSON.stringify(testsOf(row))).not.toContain('unittest.main');
  });

  test('LeetCodeDataset: program and tests both get the code of the prompt, and the entry point is a method', () => {
    const row = {
      task_id: 'two-sum',
      prompt: 'class ListNode: ...',
      entry_point: 'Solution().twoSum',
      test: 'def check(candidate):\n    assert candidate(nums = [1]) == [1]\n',
    };
    expect(testsOf(row)).toMatchObject({
      entryPoint: 'Solution',
      preamble: `${contestImports}class ListNode: ...\n`,
      setup: expect.stringMatching(/^class ListNode: \.\.\.\n\ndef check/) as string,
      tests: ['check(Solution().twoSum)'],
    });
    expect(testsOf(row)).not.toHaveProperty('opening');
  });

  test('KodCode: one test for each function and each method of a class', () => {
    const row = {
      question_id: 'k',
      question: 'Add.',
      test: 'from solution import add\nimport pytest\n\n@pytest.mark.parametrize("a", [1])\ndef test_a(a):\n    assert add(a, 1) == 2\n\nclass TestMore:\n    def helper(self): pass\n    def test_b(self): assert add(0, 0) == 0\n\ndef test_c(): pass\n',
      test_info: [{ function_name: 'add' }],
    };
    expect(testsOf(row)).toMatchObject({
      type: 'asserts',
      entryPoint: 'add',
      tests: ['__run_test__(test_a)', '__run_test__(TestMore, "test_b")', '__run_test__(test_c)'],
    });
  });

  test('AceCode: assertions listed one by one', () => {
    const row = {
      id: 'a',
      question: 'Double.',
      test_cases: ['assert double(2) == 4', 'assert double(0) == 0'],
    };
    expect(testsOf(row)).toEqual({
      type: 'asserts',
      language: 'python',
      preamble: contestImports,
      setup: '',
      entryPoint: 'double',
      tests: row.test_cases,
    });
  });

  test('SYNTHETIC-1 and -2: verification_info as an object or as JSON, with its cases as one list or two', () => {
    const listed = {
      language: 'python',
      test_cases: [{ fn_name: null, input: '3\n', output: '6\n', type: 'stdin_stdout' }],
    };
    expect(testsOf({ verification_info: listed })).toMatchObject({
      cases: [{ input: '3\n', output: '6\n' }],
    });
    const called = {
      test_cases: [{ fn_name: 'f', input: '[3, [4]]', output: '[6]', type: 'function_call' }],
    };
    expect(testsOf({ verification_info: JSON.stringify(called) })).toMatchObject({
      entryPoint: 'f',
      cases: [{ arguments: [3, [4]], expected: [6], alsoAccepted: [6] }],
    });
    const paired = { test_cases: JSON.stringify({ inputs: [[1]], outputs: [2], fn_name: 'g' }) };
    expect(testsOf({ verification_info: paired })).toMatchObject({
      entryPoint: 'g',
      cases: [{ arguments: [1], expected: 2 }],
    });
    expect(() => testsOf({ verification_info: { ...listed, language: 'cpp' } })).toThrow(
      /column "verification_info": expected tests of a Python program, got language "cpp"/,
    );
  });

  test('NeMo-Gym: unit_tests, plain and packed', () => {
    const unitTests = { inputs: ['1\n'], outputs: ['2\n'], fn_name: null };
    const packed = deflateSync(JSON.stringify(unitTests)).toString('base64');
    for (const unit_tests of [unitTests, { packed, fn_name: null }])
      expect(testsOf({ verifier_metadata: { unit_tests } })).toMatchObject({
        type: 'stdio',
        cases: [{ input: '1\n', output: '2\n' }],
      });
  });

  test('rStar-Coder: two lists as JSON in separate columns', () => {
    const row = { question_id: 'q', inputs: '["1\\n"]', outputs: '["2\\n"]' };
    expect(testsOf(row)).toMatchObject({ type: 'stdio', cases: [{ input: '1\n', output: '2\n' }] });
    expect(testsOf({ ...row, inputs: '[[1]]', outputs: '[2]', func_name: 'f' })).toMatchObject({
      type: 'function',
      entryPoint: 'f',
      cases: [{ arguments: [1], expected: 2 }],
    });
  });

  test('Guru and Skywork-OR1: test code as a ground truth, with the imports given beside it', () => {
    const truth = (value: object, extra_info = {}): unknown =>
      testsOf({ reward_model: { ground_truth: JSON.stringify(value) }, extra_info });
    const functional = 'def check(candidate):\n    assert candidate(n = 1) == 2\n\ncheck(Solution().f)';
    expect(truth({ functional }, { prefix: 'class Node: ...' })).toMatchObject({
      entryPoint: 'Solution',
      setup: expect.stringContaining('class Node') as string,
      tests: ['check(Solution().f)'],
    });
    expect(truth({ functional: 'def check(c):\n    assert c(1) == 2\ncheck(add)' })).toMatchObject({
      entryPoint: 'add',
    });
    expect(truth({ pytest: 'def test_a():\n    assert f(1) == 2\n' })).toMatchObject({
      entryPoint: 'f',
      tests: ['__run_test__(test_a)'],
    });
    expect(truth({ assert_case: ['assert f(1) == 2', ''] })).toMatchObject({ tests: ['assert f(1) == 2'] });
    expect(truth({ inputs: ['1'], outputs: ['2'], assert_case: [''] })).toMatchObject({ type: 'stdio' });
    expect(
      truth({
        import_prefix: 'import os',
        test_code: 'def check(candidate):\n    assert candidate(1) == 2\n',
        entry_point: 'Solution().f',
      }),
    ).toMatchObject({ entryPoint: 'Solution', tests: ['check(Solution().f)'] });
  });

  test('integers beyond 2^53 stay exact in arguments and results, in every form', () => {
    const big = 9007199254740993n;
    const cases = [{ arguments: [big], expected: big }];
    const listed = {
      input: `${big}`,
      output: `${big}`,
      testtype: 'functional',
      metadata: { func_name: 'f' },
    };
    expect(testsOf({ tests: JSON.stringify([listed]) })).toMatchObject({ cases });
    expect(testsOf({ tests: `{"fn_name": "f", "inputs": [[${big}]], "outputs": [${big}]}` })).toMatchObject({
      cases,
    });
    expect(
      testsOf({
        public_test_cases: JSON.stringify([listed]),
        private_test_cases: '[]',
        metadata: '{"func_name": "f"}',
      }),
    ).toMatchObject({ cases });
  });

  test.each([
    ['printed', { inputs: ['1'], outputs: ['2'] }, undefined],
    ['printed', { inputs: ['1', '1'], outputs: ['2', '0.5'] }, { absolute: 1e-6, relative: 1e-6 }],
    ['printed', { inputs: ['1'], outputs: ['1e-05'] }, { absolute: 1e-6, relative: 1e-6 }],
    ['printed', { inputs: ['1'], outputs: ['v1.2.3 a.5'] }, undefined],
    ['returned', { fn_name: 'f', inputs: [[1]], outputs: [[2]] }, undefined],
    [
      'returned',
      { fn_name: 'f', inputs: [[1]], outputs: [{ a: [0.5] }] },
      { absolute: 1e-5, relative: 1e-9 },
    ],
    ['returned', { fn_name: 'f', inputs: [[1]], outputs: ['[2.0]'] }, { absolute: 1e-5, relative: 1e-9 }],
  ])(
    '%s numbers have the tolerance of contests only if an expected value is real: %j',
    (_, pairs, tolerance) => {
      expect(testsOf({ input_output: pairs })).toHaveProperty('type');
      expect((testsOf({ input_output: pairs }) as { tolerance?: object }).tolerance).toEqual(tolerance);
    },
  );

  test.each([
    [null, /expected an object, got null/],
    [{ prompt: 'p' }, /file:1: expected a column of tests/],
    [{ tests: '[' }, /file:1: column "tests"/],
    [{ tests: [] }, /file:1: column "tests"/],
    [
      { tests: { type: 'function', language: 'javascript' } },
      /column "tests": [^]*at entryPoint[^]*at cases/,
    ],
    [
      {
        tests: {
          type: 'function',
          language: 'javascript',
          entryPoint: 'f',
          cases: [{ arguments: 2, expected: 4 }],
        },
      },
      /at cases\[0\]\.arguments/,
    ],
    [{ input_output: { inputs: [1], outputs: [] } }, /expected as many outputs as inputs, got 0 for 1/],
    [{ test_list: ['assert True'] }, /expected assertions that call a function/],
    [{ public_test_cases: '[]', private_test_cases: 'AAAA' }, /column "public_test_cases"/],
  ])('rejects %j with an error that names the location', (row, message) => {
    expect(() => readCodeProblem(row, 'file:1')).toThrow(message);
  });
});
