import type { ProblemTests, TestRules } from '../../../core/problem.ts';

type PrintedCase = Extract<ProblemTests, { type: 'stdio' }>['cases'][number];
type CallCase = Extract<ProblemTests, { type: 'function' }>['cases'][number];

/**
 * Imports that LiveCodeBench's harness puts before every program, and graders of APPS and TACO for the most part: the same
 * modules in the same order, for a later `import *` hides names of an earlier one.
 */
export const contestImports = [
  ...[
    'string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json',
    'builtins typing', // hides what the others hide of the built-ins: pow, open
  ]
    .join(' ')
    .split(' ')
    .map((name) => `from ${name} import *`),
  'import string, re, datetime, collections, heapq, bisect, copy, math, random, statistics, itertools, functools, operator',
  'import io, sys, json, time, fractions',
  'sys.setrecursionlimit(50_000)',
  '',
].join('\n');

/** What Codeforces and AtCoder allow where answers are real numbers. */
const printedTolerance = { absolute: 1e-6, relative: 1e-6 };
/** What LeetCode allows where results are real numbers; the relative bound is for rounding of large doubles. */
const returnedTolerance = { absolute: 1e-5, relative: 1e-9 };

/** Tests of a contest's program: output compared as LiveCodeBench does, real numbers within the contests' tolerance. */
export function printedTests(cases: readonly PrintedCase[], rules: TestRules = {}): ProblemTests {
  const isReal = cases.some(({ output }) => decimalPoint.test(output));
  return {
    type: 'stdio',
    language: 'python',
    cases,
    comparison: 'numbers',
    ...(isReal ? { tolerance: printedTolerance } : {}),
    ...rules,
  };
}

/** Tests of a function: results compared exactly, real numbers within LeetCode's tolerance. */
export function returnedTests(
  entryPoint: string,
  cases: readonly CallCase[],
  {
    isReal = cases.some(({ expected }) => holdsReal(expected)),
    ...rules
  }: TestRules & { isReal?: boolean } = {},
): ProblemTests {
  return {
    type: 'function',
    language: 'python',
    entryPoint,
    cases,
    preamble: contestImports,
    ...(isReal ? { tolerance: returnedTolerance } : {}),
    ...rules,
  };
}

/** A number with a decimal point or a negative exponent, as text. */
const decimalPoint = /(?:^|[\s[,:(-])\d+(?:\.\d|e-\d)/i;

/** Whether a text of JSON holds a number written as a real one; once it is parsed, `2.0` cannot be told from `2`. */
export const statesReal = (text: string): boolean => decimalPoint.test(text);

function holdsReal(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isInteger(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsReal);
}
