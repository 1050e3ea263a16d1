import { expect, test } from 'vitest';
import type { Outcome } from '../../core/verdict.ts';
import { composite } from '../../verifiers/composite.ts';
import { explainVerdict } from '../../verifiers/explain-verdict.ts';
import { format } from '../../verifiers/format.ts';
import { javascriptTests } from '../../verifiers/javascript-tests.ts';
import { mathAnswer } from '../../verifiers/math/verifier.ts';
import { gradeInOrder, openGrader } from './grader.ts';

const triple = {
  tests: {
    type: 'function',
    language: 'javascript',
    entryPoint: 'f',
    cases: [
      { arguments: [2], expected: 6 },
      { arguments: [3], expected: 9 },
    ],
  },
};
const right = { problem: triple, program: 'const f = (x) => 3 * x;' };
const outcomesOf = async (items: readonly unknown[]) => {
  await using grader = openGrader();
  const placed = items.map((item, i) => [item, `cases.json:${i + 1}`] as const);
  const outcomes: Outcome[] = [];
  for await (const { outcome } of gradeInOrder(grader, placed, 3)) outcomes.push(outcome);
  return outcomes;
};

test('judges completions, bare answers, programs and completions that contain programs, in order', async () => {
  const items = [
    { gold: '1/2', pred: 'So \\boxed{0.5}' },
    { gold: '1/2', pred: '0.5' },
    right,
    { gold: 7, pred: '8' },
    { problem: triple, completion: 'Here:\n```js\nconst f = (x) => x + 4;\n```' },
    { gold: '5', pred: null },
    { gold: '5' },
  ];
  expect(await outcomesOf(items)).toEqual([
    'correct',
    'correct',
    'correct',
    'incorrect',
    'incorrect',
    'unparsed',
    'unparsed',
  ]);
});

test.each(['code', 'javascript'])(
  'judges a JavaScript program with the verifier named %s',
  async (verifier) => {
    const wrong = { ...right, program: 'const f = (x) => x;' };
    expect(await outcomesOf([right, wrong].map((item) => ({ ...item, verifier })))).toEqual([
      'correct',
      'incorrect',
    ]);
  },
);

test('reads tests for every domain whose verifier uses tests', async () => {
  const parts = [{ verifier: javascriptTests() }, { verifier: format(), decides: false }];
  await using grader = openGrader({ plain: javascriptTests(), mixed: composite(parts), sums: mathAnswer() });
  const outcome = async (item: object) => (await grader.grade(item, 'x')).outcome;
  expect(await outcome({ ...right, verifier: 'plain' })).toBe('correct');
  expect(await outcome({ ...right, verifier: 'mixed' })).toBe('correct');
  const sum = { problem: { answer: '4', reward_model: { ground_truth: '4' } }, completion: '\\boxed{4}' };
  expect(await outcome({ ...sum, verifier: 'sums' })).toBe('correct');
});

test('judges an invalid item as ungradable, with the reason', async () => {
  const items = [
    null,
    'text',
    { pred: '5' },
    { gold: '\\frac{{', pred: '5' },
    { problem: {}, program: 'x' },
    { problem: { entry_point: 5 }, program: 'x' },
    { verifier: 'chess', gold: 'e4', pred: 'e4' },
  ];
  expect(await outcomesOf(items)).toEqual(items.map(() => 'ungradable'));
  await using grader = openGrader();
  expect((await grader.grade(items[4], 'cases.json:5')).reason).toMatch(
    /^cases.json:5: expected a column of tests/,
  );
  expect((await grader.grade(items[6], 'x')).reason).toContain('among math, code, javascript, got "chess"');
});

test('judges numeric golds beyond 2^53 exactly', async () => {
  const gold = 10_000_000_000_000_000_001n;
  const items = [
    { gold, pred: '10000000000000000001' },
    { gold, pred: '10000000000000000000' },
    { problem: { gold }, pred: '10000000000000000001', verifier: 'math' },
  ];
  expect(await outcomesOf(items)).toEqual(['correct', 'incorrect', 'correct']);
});

test('explains a verdict line by line, without control characters', async () => {
  await using grader = openGrader();
  const math = explainVerdict(await grader.grade({ gold: '5', pred: '\\boxed{x\u001b[2J}' }, 'x'));
  expect(math).toMatch(/^incorrect \(score 0\)\nreason: /);
  expect(math).toContain('extracted: x␛[2J');
  const code = explainVerdict(await grader.grade({ ...right, program: 'const f = (x) => 6;' }, 'x'));
  expect(code).toMatch(/^test 2: .*"got":"6".*"passed":false/m);
});
