import * as z from 'zod';
import { DataError } from '../../../core/errors.ts';
import { parseJson } from '../../../core/lossless-json.ts';
import type { ProblemTests, TestRules } from '../../../core/problem.ts';
import { contestImports } from './contest-tests.ts';
import { testsOfPairs } from './paired.ts';

const functionName = z.object({ func_name: z.string().nullish() }).nullish();

/** One test as an object: Codeforces, DeepCoder, and the sets of Prime Intellect. */
export const listedTest = z.object({
  input: z.unknown(),
  output: z.unknown(),
  type: z.string().nullish(),
  testtype: z.string().nullish(),
  fn_name: z.string().nullish(),
  metadata: functionName,
});

/**
 * Limits and checker that a row may contain in addition to its tests; times in seconds, memory in MB as judges count it.
 */
export const statedRules = z.object({
  time_limit: z.number().positive().nullish().catch(null),
  memory_limit: z.number().positive().nullish().catch(null),
  generated_checker: z.string().nullish().catch(null),
  metadata: functionName.catch(null),
});

/**
 * Reads tests listed one by one: strings, or, if a function is named, arguments and result as JSON. Arguments are one
 * list if the test's type is `function_call` (Prime Intellect), otherwise one value per line (LiveCodeBench,
 * DeepCoder).
 */
export function testsOfList(
  tests: readonly z.output<typeof listedTest>[],
  stated: z.output<typeof statedRules>,
  preamble: string = contestImports,
): ProblemTests {
  const entryPoint = tests[0]?.fn_name ?? tests[0]?.metadata?.func_name ?? stated.metadata?.func_name;
  const isFunction = tests.some(({ type, testtype }) => (type ?? testtype ?? '').startsWith('func'));
  if (isFunction && !entryPoint)
    throw new DataError('expected the name of the function that the tests call (fn_name), got none');
  const rules = { ...rulesOf(stated), ...(preamble === '' ? {} : { preamble }) };
  const name = isFunction ? entryPoint : undefined;
  const inputs = tests.map((test) => (isFunction ? argumentsOf(test) : test.input));
  const outputs = tests.map(({ output }) => (isFunction ? jsonOf(output) : output));
  const made = testsOfPairs({ inputs, outputs, fn_name: name }, rules);
  return made.type === 'stdio' && stated.generated_checker
    ? { ...made, checker: stated.generated_checker }
    : made;
}

function rulesOf({ time_limit: seconds, memory_limit: megabytes }: z.output<typeof statedRules>): TestRules {
  return {
    ...(seconds ? { maxCpuMs: seconds * 1000 } : {}),
    ...(megabytes ? { maxMemoryBytes: Math.max(megabytes, 128) * 2 ** 20 } : {}),
  };
}

function argumentsOf({ input, type }: z.output<typeof listedTest>): unknown {
  if (typeof input !== 'string') return input;
  const whole = type === 'function_call' ? jsonOf(input) : undefined;
  if (Array.isArray(whole)) return whole;
  return input
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(jsonOf);
}

function jsonOf(text: unknown): unknown {
  if (typeof text !== 'string') return text;
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}
