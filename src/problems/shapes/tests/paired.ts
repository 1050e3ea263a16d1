import * as z from 'zod';
import { DataError } from '../../../core/errors.ts';
import type { ProblemTests, TestRules } from '../../../core/problem.ts';

/** Tests as two lists side by side, the shape of APPS, TACO and of many `ground_truth` columns. */
export const pairedTests = z.object({
  inputs: z.array(z.unknown()),
  outputs: z.array(z.unknown()),
  fn_name: z.string().nullish(),
});

/** Imports that solutions in the LeetCode style take for granted; what LiveCodeBench and APPS graders put before them too. */
export const leetCodeImports = [
  'from typing import *',
  'from collections import *',
  'from itertools import *',
  'from functools import *',
  'from heapq import *',
  'from bisect import *',
  'from math import *',
  'from builtins import *', // math has a pow of its own, for floats alone
  'import collections, itertools, functools, heapq, bisect, math, re, string, random, sys, operator, copy, datetime',
  '',
].join('\n');

/**
 * Tests of paired lists. With `fn_name` each input is a list of arguments and each output the result, sometimes wrapped in
 * a list of one (APPS accepts both, so do we); without, both are texts, or lines of text.
 */
export function testsOfPairs(pairs: z.output<typeof pairedTests>, rules: TestRules = {}): ProblemTests {
  const { inputs, outputs, fn_name: entryPoint } = pairs;
  if (inputs.length !== outputs.length) {
    throw new DataError(`expected as many outputs as inputs, got ${outputs.length} for ${inputs.length}`);
  }
  if (entryPoint) {
    const cases = inputs.map((input, i) => callCase(parsed(input), parsed(outputs[i])));
    return { type: 'function', language: 'python', entryPoint, cases, preamble: leetCodeImports, ...rules };
  }
  const cases = inputs.map((input, i) => ({ input: textOf(input), output: textOf(outputs[i]) }));
  return { type: 'stdio', language: 'python', cases, ...rules };
}

function callCase(
  input: unknown,
  output: unknown,
): { arguments: unknown[]; expected: unknown; alsoAccepted?: unknown[] } {
  const arguments_ = Array.isArray(input) ? (input as unknown[]) : [input];
  const isWrapped = Array.isArray(output) && output.length > 0;
  return {
    arguments: arguments_,
    expected: output,
    ...(isWrapped ? { alsoAccepted: [output[0] as unknown] } : {}),
  };
}

/** TACO writes some values as JSON texts. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

function textOf(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join('\n') : String(value);
}
