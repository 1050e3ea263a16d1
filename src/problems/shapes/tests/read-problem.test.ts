import { describe, expect, test } from 'vitest';
import { readCodeProblem, readTests } from './read-problem.ts';

const testsOf = (row: object): unknown => readTests({ ...row }, 'file:1');

describe('readCodeProblem', () => {
  test('HumanEval: the prompt is split into what comes before the function and its opening', () => {
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

  test('APPS and TACO: texts, lists of lines, and calls whose result may be wrapped', () => {
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
    expect(testsOf(row)).toEqual({
      type: 'stdio',
      language: 'python',
      cases: [{ input: '1', output: '2' }],
      maxCpuMs: 2000,
      maxMemoryBytes: 256 * 2 ** 20,
      checker: row.generated_checker,
    });
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

  test('CodeContests: three sets of tests under the stated limits', () => {
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
  ])('%j is refused with its place', (row, message) => {
    expect(() => readCodeProblem(row, 'file:1')).toThrow(message);
  });
});
