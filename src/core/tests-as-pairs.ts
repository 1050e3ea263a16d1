import { stringifyJson } from './lossless-json.ts';
import type { ProblemTests } from './problem.ts';

/**
 * Tests as two parallel lists, the format of verl's prime_code scorer; `fn_name` is present if the tests call
 * a function.
 */
export interface PairedTests {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly fn_name?: string;
}

/**
 * Converts tests to verl's format; each argument of a function is one line of JSON. Returns `undefined` for
 * tests that the format cannot express: languages other than Python, and asserts.
 */
export function testsAsPairs(tests: ProblemTests): PairedTests | undefined {
  if (tests.language !== 'python' || tests.type === 'asserts') return undefined;
  if (tests.type === 'stdio')
    return {
      inputs: tests.cases.map(({ input }) => input),
      outputs: tests.cases.map(({ output }) => output),
    };
  return {
    inputs: tests.cases.map((one) => one.arguments.map((argument) => stringifyJson(argument)).join('\n')),
    outputs: tests.cases.map(({ expected }) => stringifyJson(expected)),
    fn_name: tests.entryPoint,
  };
}
