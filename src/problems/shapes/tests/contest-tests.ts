import type { ProblemTests, TestRules } from '../../../core/problem.ts';

type PrintedCase = Extract<ProblemTests, { type: 'stdio' }>['cases'][number];
type CallCase = Extract<ProblemTests, { type: 'function' }>['cases'][number];

/**
 * Imports that LiveCodeBench's harness puts before every program, as the graders of APPS and TACO mostly do too. The
 * modules keep the harness's order, because a later `import *` hides names from an earlier one.
 */
export const contestImports = [
  ...[
    'string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json',
    'builtins typing', // restores the built-ins that the others hide: pow, open
  ]
    .join(' ')
    .split(' ')
    .map((name) => `from ${name} import *`),
  'import string, re, datetime, collections, heapq, bisect, copy, math, random, statistics, itertools, functools, operator',
  'import io, sys, json, time, fractions',
  'sys.setrecursionlimit(50_000)',
  '',
].join('\n');

/** Tolerance for real numbers on Codeforces and AtCoder. */
const printedTolerance = { absolute: 1e-6, relative: 1e-6 };
/** Tolerance for real numbers on LeetCode; the relative bound allows for the rounding of large doubles. */
const returnedTolerance = { absolute: 1e-5, relative: 1e-9 };

/**
 * Returns the tests of a contest program. Output is compared as in LiveCodeBench, and real numbers within the contests'
 * tolerance.
 */
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

/**
 * Returns the tests of a function. Results are compared exactly, except real numbers, which are compared within
 * LeetCode's tolerance.
 */
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

/** Matches a number with a decimal point or a negative exponent. */
const decimalPoint = /(?:^|[\s[,:(-])\d+(?:\.\d|e-\d)/i;

/**
 * Returns whether a JSON text contains a number written as a real number; after parsing, `2.0` and `2` are the same.
 */
export const statesReal = (text: string): boolean => decimalPoint.test(text);

function holdsReal(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isInteger(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsReal);
}
