import { afterAll, describe, expect, test } from 'vitest';
import type { Problem, ProblemTests } from '../core/problem.ts';
import { openVerifier, verifierConfig } from './config.ts';
import { javascriptTests } from './javascript-tests.ts';

const open = (options: Parameters<typeof javascriptTests>[0] = {}) =>
  openVerifier(verifierConfig.parse(javascriptTests(options)));
const verifier = open({ maxCpu: '20ms' });
const strict = open({ score: 'all', maxCpu: '20ms' });
afterAll(async () => {
  await verifier[Symbol.asyncDispose]();
  await strict[Symbol.asyncDispose]();
});

type FunctionTests = Extract<ProblemTests, { type: 'function' }>;
const problemOf = (cases: FunctionTests['cases'], rules: Partial<FunctionTests> = {}): Problem => ({
  id: 'p',
  domain: 'code',
  prompt: [],
  source: 'test.jsonl',
  tests: { type: 'function', language: 'javascript', entryPoint: 'f', cases, ...rules },
});
const linear = problemOf([0, 1, 2, 5].map((x) => ({ arguments: [x], expected: 3 * x + 7 })));

test('accepts a correct program anywhere in the completion', async () => {
  for (const completion of [
    '/*9,3*/x=>3*x+7',
    'Sure:\n```js\nfunction f(x) { return 7 + x * 3 }\n```',
    '<think>x=>x</think>const f = x => 3*x+7',
  ])
    expect(await verifier.verify(linear, completion)).toMatchObject({
      outcome: 'correct',
      score: 1,
      reason: 'passes all 4 tests',
    });
});

test('reports which test a partly correct program failed, and how', async () => {
  const completion = 'x=>x<2?3*x+7:0';
  const verdict = await verifier.verify(linear, completion);
  expect(verdict).toMatchObject({
    outcome: 'incorrect',
    score: 0.5,
    verifier: 'javascript-tests@2-fraction',
    reason: '2 of 4 tests pass; f(2): expected 13, got 0',
  });
  expect(verdict.evidence?.['tests']).toMatchObject([
    { passed: true },
    { passed: true },
    { passed: false, arguments: [2], expected: 13, got: '0' },
    { passed: false },
  ]);
  expect(await strict.verify(linear, completion)).toMatchObject({
    outcome: 'incorrect',
    score: 0,
    verifier: 'javascript-tests@2-all',
  });
});

test('keeps integers beyond 2^53 exact, and writes evidence that is JSON-safe', async () => {
  const big = 2n ** 63n;
  const problem = problemOf([
    { arguments: [big], expected: big + 1n },
    { arguments: [big + 5n], expected: 3 },
  ]);
  const right = await strict.verify(problem, 'x => x % 10n === 8n ? x + 1n : x % 10n');
  expect(right).toMatchObject({ outcome: 'correct' });
  const wrong = await strict.verify(problem, 'x => Number(x) + 1');
  expect(wrong).toMatchObject({
    outcome: 'incorrect',
    reason: expect.stringContaining(`f(${JSON.stringify(`${big}n`)}): expected "${big + 1n}n"`) as string,
  });
  expect(JSON.stringify(wrong.evidence)).toContain(`${big}n`);
});

test.each([
  ['', 'unparsed'],
  ['I do not know.', 'unparsed'],
  ['x=>', 'unparsed'],
  ['x=>{for(;;);}', 'timeout'],
  ['for(;;);', 'timeout'],
  ['x=>"a".repeat(1e9)', 'incorrect'],
  ['new ArrayBuffer(1e9)', 'incorrect'],
  ['x=>{throw 1}', 'incorrect'],
])('judges %j as %s', async (completion, outcome) => {
  expect(await verifier.verify(linear, completion)).toMatchObject({ outcome, score: 0 });
});

describe('cheats score 0', () => {
  test.each([
    ['an object that claims to be equal', 'x=>({ valueOf: () => 13, toString: () => "13" })'],
    [
      'a proxy',
      'x=>new Proxy({}, { get: () => 7, getOwnPropertyDescriptor: () => ({ value: 7, configurable: true }) })',
    ],
    ['a string of the right digits', 'x=>String(3*x+7)'],
    ['an array of the right number', 'x=>[3*x+7]'],
    ['NaN', 'x=>NaN'],
    ['toJSON', 'x=>({ toJSON: () => 3*x+7 })'],
    ['a boxed number', 'x=>Object(3*x+7)'],
    ['a bigint', 'x=>BigInt(3*x+7)'],
    ['a promise', 'async x=>3*x+7'],
    ['a forged harness answer', 'x=>{ throw "=13" }'],
    ['a forged harness answer, tagged', 'x=>"=[13]"'],
    ['tampered equality', 'Object.is = () => true; Array.prototype.every = () => true; x=>0'],
    ['tampered JSON', 'JSON.stringify = () => "[\\"=7\\",\\"=10\\",\\"=13\\",\\"=22\\"]"; x=>0'],
    ['tampered prototypes', 'Object.prototype.value = 7; Object.prototype.passed = true; x=>({})'],
    [
      'looking for the tests',
      'x=>(Object.getOwnPropertyNames(globalThis).includes("tests") ? 3*x+7 : arguments?.callee?.caller)',
    ],
    ['looking for callers', 'function f(x) { return f.caller ? 3*x+7 : -1 }'],
    ['an error with the answer in it', 'x=>{ throw Object.assign(new Error("x"), { value: 3*x+7 }) }'],
  ])('%s', async (_, completion) => {
    const verdict = await verifier.verify(linear, completion);
    expect(verdict.outcome).not.toBe('correct');
    expect(verdict.score).toBe(0);
  });
});

test('compares structures deeply and exactly', async () => {
  const nested = problemOf([{ arguments: [], expected: { a: [1, null, 'x'], b: 0 } }]);
  expect(await verifier.verify(nested, '()=>({b:-0,a:[1,null,"x"]})')).toMatchObject({ outcome: 'correct' });
  for (const wrong of [
    '{a:[1,null,"x"],b:0,c:undefined}',
    '{a:[1,undefined,"x"],b:0}',
    '{a:{0:1,1:null,2:"x"},b:0}',
    '{a:[1,null],b:0}',
  ])
    expect(await verifier.verify(nested, `()=>(${wrong})`)).toMatchObject({ outcome: 'incorrect' });
});

test("applies a problem's tolerance, alternative answers and preamble", async () => {
  const third = [{ arguments: [], expected: 0.333 }];
  expect(await verifier.verify(problemOf(third), '()=>1/3')).toMatchObject({ outcome: 'incorrect' });
  const loose = problemOf(third, { tolerance: { absolute: 0.001, relative: 0 } });
  expect(await verifier.verify(loose, '()=>1/3')).toMatchObject({ outcome: 'correct' });
  const either = problemOf([{ arguments: [], expected: 1, alsoAccepted: [2] }], {
    preamble: 'const two = 2;',
  });
  expect(await verifier.verify(either, '()=>two')).toMatchObject({ outcome: 'correct' });
});

test('rejects problems without suitable tests, with an error that names the problem', () => {
  expect(() => verifier.check(linear)).not.toThrow();
  expect(() => verifier.check(problemOf([]))).toThrow('problem p (test.jsonl): expected at least one test');
  expect(() =>
    verifier.check({ ...linear, tests: { type: 'stdio', language: 'python', cases: [] } }),
  ).toThrow('type stdio in python');
});

test('gives each of many concurrent programs its own verdict', async () => {
  const completions = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? `x=>3*x+7+0*${i}` : `x=>${i}`));
  const verdicts = await Promise.all(completions.map((completion) => verifier.verify(linear, completion)));
  expect(verdicts.map(({ outcome }) => outcome === 'correct')).toEqual(
    completions.map((_, i) => i % 2 === 0),
  );
});
