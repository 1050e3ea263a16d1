import { afterAll, describe, expect, test } from 'vitest';
import { openQuickjsSandbox } from './quickjs.ts';
import type { SandboxOutcome } from './sandbox.ts';

const sandbox = openQuickjsSandbox();
afterAll(() => sandbox[Symbol.asyncDispose]());

const limits = { maxCpuMs: 20, maxMemoryBytes: 16 * 1024 * 1024, maxOutputCharacters: 10_000 };
const run = (source: string, calls: unknown[][] = [[2]]): Promise<SandboxOutcome> =>
  sandbox.run({ type: 'function', source, entryPoint: 'f', calls }, limits);
const returned = (...values: unknown[]): SandboxOutcome => ({
  status: 'ran',
  results: values.map((value) => ({ status: 'returned', value })),
});

describe('a function may be', () => {
  test.each([
    ['an expression', '/*9,3*/x=>3*x+7'],
    ['a declaration', 'function g(x){return x}\nfunction f(x){return 3*x+7}\ng'],
    ['a constant', 'const f = (x) => 3 * x + 7;'],
    ['an assignment', 'f = function (x) { return 3 * x + 7 }'],
  ])('%s', async (_, source) => {
    expect(await run(source)).toEqual(returned(13));
  });
});

test('returns plain data of every kind unchanged', async () => {
  const source = `x => [x, null, undefined, true, 'é"\\n\\u0000', NaN, -Infinity, 12n, {a: {['__proto__']: 1}}, Object.create(null), []]`;
  const expected = [
    2,
    null,
    undefined,
    true,
    'é"\n\0',
    NaN,
    -Infinity,
    12n,
    { a: Object.fromEntries([['__proto__', 1]]) },
    {},
    [],
  ];
  expect(await run(source)).toEqual(returned(expected));
});

test('integers beyond 2^53 are bigints, both as arguments and as results', async () => {
  const big = 2n ** 64n + 1n;
  const nested = JSON.parse('{"__proto__": 1}') as object;
  expect(
    await run('(x, y) => [x + 1n, y.a[0] - x, typeof y.b, y.c]', [[big, { a: [big], b: 1, c: nested }]]),
  ).toEqual(returned([big + 1n, 0n, 'number', nested]));
});

test('keeps state within a program, not between programs', async () => {
  expect(await run('globalThis.n = 0; Array.prototype.join = null; x => ++n', [[0], [0]])).toEqual(
    returned(1, 2),
  );
  expect(await run('x => typeof n + [1,2].join()')).toEqual(returned('undefined1,2'));
});

test('a failed call does not affect the others', async () => {
  const outcome = await run(
    'x => { if (x === 1) for (;;); if (x === 2) throw new TypeError("no"); return x }',
    [[0], [1], [2], [3]],
  );
  expect(outcome).toEqual({
    status: 'ran',
    results: [
      { status: 'returned', value: 0 },
      { status: 'timeout' },
      { status: 'failed', error: 'TypeError: no' },
      { status: 'returned', value: 3 },
    ],
  });
});

const failed = (error: string): unknown => ({
  status: 'failed',
  error: expect.stringContaining(error) as string,
});
const hostileCalls: [name: string, source: string, result: unknown][] = [
  ['endless loop', 'x => { for (;;); }', { status: 'timeout' }],
  ['endless loop that catches', 'x => { for (;;) try { for (;;); } catch {} }', { status: 'timeout' }],
  [
    'endless loop while its thrown value is described',
    'x => { throw new Proxy({}, { getPrototypeOf() { for (;;); } }) }',
    { status: 'timeout' },
  ],
  ['endless loop in a toString', 'x => { throw { toString() { for (;;); } } }', failed('')],
  ['exploding regular expression', 'x => /(a+)+b/.test("a".repeat(40))', { status: 'timeout' }],
  ['endless generator', 'x => [...(function* () { for (;;) yield 1 })()]', { status: 'timeout' }],
  ['endless recursion', 'f = x => f(x)', failed('stack overflow')],
  ['huge string', 'x => "a".repeat(1e9)', { status: 'out-of-memory' }],
  ['doubling string', 'x => { let s = "x"; for (;;) s += s }', failed('')],
  ['huge buffer', 'x => new ArrayBuffer(1e9)', { status: 'out-of-memory' }],
  ['long output', 'x => "a".repeat(20000)', { status: 'overflow' }],
  ['huge sparse array', 'x => new Array(4294967295)', failed('hole')],
  ['huge bigint', 'x => 2n ** 100000n', failed('bigint of more than 4096 bits')],
  ['impossible bigint', 'x => 2n ** (2n ** 40n)', failed('BigInt is too large')],
  ['cycle', 'x => { const a = []; a[0] = a; return a }', failed('nested deeper than 64')],
  ['function', 'x => x => x', failed('returned a function')],
  ['symbol', 'x => Symbol.iterator', failed('returned a symbol')],
  ['promise', 'async x => x', failed('object of a class')],
  ['boxed number', 'x => new Number(13)', failed('object of a class')],
  ['getter', 'x => ({ get a() { return 1 } })', failed('getter')],
  ['toJSON', 'x => ({ toJSON() { return 13 } })', failed('returned a function')],
  ['class with valueOf', 'x => new (class { valueOf() { return 13 } })()', failed('object of a class')],
  ['host process', 'x => process.env', failed('process')],
  ['host require', 'x => require("fs")', failed('require')],
  ['host fetch', 'x => fetch("http://localhost")', failed('fetch')],
  ['timers', 'x => setTimeout(() => {}, 0)', failed('setTimeout')],
  [
    'escape through the Function constructor',
    'x => Function("return this.process || this.require || this.WebAssembly || null")()',
    { status: 'returned', value: null },
  ],
];

test.each(hostileCalls)('contains hostile code: %s', async (_, source, result) => {
  expect(await run(source)).toEqual({ status: 'ran', results: [result] });
  expect(await run('x=>x')).toEqual(returned(2));
});

const notLoaded = (cause: string, error: string): unknown => ({
  status: 'not-loaded',
  cause,
  error: expect.stringContaining(error) as string,
});
test.each([
  ['syntax error', 'f = (', notLoaded('failed', 'SyntaxError')],
  ['no function', '42', notLoaded('failed', 'defines no function f')],
  ['empty source', '', notLoaded('failed', 'defines no function f')],
  ['thrown while loading', 'throw 7', notLoaded('failed', 'threw a number')],
  ['endless loop while loading', 'for (;;);', notLoaded('timeout', '')],
  [
    'endless loop in a getter of the entry point',
    'Object.defineProperty(globalThis, "f", { get() { for (;;); } })',
    notLoaded('timeout', ''),
  ],
  ['out of memory while loading', 'new ArrayBuffer(1e9)', notLoaded('out-of-memory', '')],
  ['module', 'import fs from "fs"; x => x', notLoaded('failed', 'SyntaxError')],
  ['brackets that exhaust the interpreter', '('.repeat(50_000), notLoaded('failed', 'broke the interpreter')],
])('does not load: %s', async (_, source, outcome) => {
  expect(await run(source)).toEqual(outcome);
  expect(await run('x=>x')).toEqual(returned(2));
});

test('a program that tampers with built-ins and the harness affects only itself', async () => {
  const tamper = `
    JSON.stringify = () => '=99'; JSON.parse = () => [[99]]; Array.isArray = () => false; Object.keys = () => ['x'];
    Object.getOwnPropertyDescriptor = () => ({ value: 99 }); Object.prototype.value = 99; String.prototype.toJSON = () => 99;
    Array.prototype[Symbol.iterator] = function* () { yield 99 };
    x => [x]`;
  // The program's own iterator supplies the arguments of its own call; the return value is still copied faithfully.
  expect(await run(tamper)).toEqual(returned([99]));
  expect(await run('x=>[x]')).toEqual(returned([2]));
});

test('pending jobs of one program neither run in the next program nor use its memory', async () => {
  await run('for (let i = 0; i < 1000; i++) Promise.resolve().then(() => { for (;;); }); x => x');
  expect(await run('x=>x')).toEqual(returned(2));
});

test('ends a program that is stuck in a built-in, and runs the programs queued behind it', async () => {
  const slow =
    'const a = []; for (let i = 0; i < 100000; i++) a.push((i * 7919) % 100003); for (;;) a.sort()';
  const [ended, next] = await Promise.all([run(slow), run('x=>x')]);
  expect(ended).toMatchObject({ status: 'not-loaded', cause: 'timeout' });
  expect(next).toEqual(returned(2));
});

test('closing settles programs that are still waiting', async () => {
  const closing = openQuickjsSandbox();
  const waiting = closing.run({ type: 'function', source: 'x=>x', entryPoint: 'f', calls: [[1]] }, limits);
  await closing[Symbol.asyncDispose]();
  expect(await waiting).toMatchObject({ status: 'infrastructure' });
});

test('rejects programs that are not functions, and entry points that are not names', async () => {
  await expect(sandbox.run({ type: 'stdio', source: '', inputs: [] }, limits)).rejects.toThrow('got "stdio"');
  const odd = await sandbox.run(
    { type: 'function', source: 'x=>x', entryPoint: 'f);for(;;);(', calls: [[1]] },
    limits,
  );
  expect(odd).toEqual(notLoaded('failed', 'is not the name of a function'));
});
