import * as z from 'zod';
import { stringifyJson } from '../../core/lossless-json.ts';
import type { Verdict } from '../../core/verdict.ts';
import type { GradedTests, TestResult } from './grade-tests.ts';

/**
 * Rule that converts test results to a score. `all`: 1 if every test passed, else 0. `fraction`: the fraction of tests
 * passed. `{threshold}`: 1 if at least that fraction passed, else 0.
 */
export const scoreRule = z.union([
  z.enum(['all', 'fraction']),
  z.strictObject({ threshold: z.number().gt(0).max(1) }),
]);

const maxShownFailures = 5;

/** Returns the verdict that follows from test results. A program that did not load fails every test. */
export function verdictOf(graded: GradedTests, rule: z.output<typeof scoreRule>): Omit<Verdict, 'verifier'> {
  if (graded.status === 'ungradable') {
    return { outcome: 'ungradable', score: 0, reason: `not judged: ${graded.error}` };
  }
  const { total, results } = graded;
  const failures = results.flatMap((result, test) =>
    result.status === 'passed' ? [] : [{ test, ...result }],
  );
  const passed = results.length - failures.length;
  const evidence = { passed, total, run: results.length, failures: failures.slice(0, maxShownFailures) };
  const isCorrect = passed >= neededPasses(rule, total);
  if (isCorrect)
    return { outcome: 'correct', score: 1, reason: `passed ${passed} of ${total} tests`, evidence };
  const first = failures[0]!;
  return {
    outcome: first.status === 'timeout' ? 'timeout' : 'incorrect',
    score: rule === 'fraction' ? passed / total : 0,
    reason: `test ${first.test + 1} of ${total}: ${explain(first)}`,
    evidence,
  };
}

function neededPasses(rule: z.output<typeof scoreRule>, total: number): number {
  return typeof rule === 'string' ? total : Math.ceil(rule.threshold * total - 1e-9);
}

function explain(result: TestResult): string {
  switch (result.status) {
    case 'wrong':
      return `expected ${stringifyJson(result.expected)}, got ${stringifyJson(result.got)}`;
    case 'timeout':
      return 'used up its time';
    case 'out-of-memory':
      return 'used up its memory';
    case 'overflow':
      return 'printed more than is allowed';
    default:
      return result.error ?? result.status;
  }
}
