import { stringifyJson } from './lossless-json.ts';
import type { ProblemTests } from './problem.ts';

/** Tests as two parallel lists, which verl's prime_code scorer reads; `fn_name` if a function is called. */
export interface PairedTests {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly fn_name?: string;
}

/**
 * Converts tests to verl's form; the arguments of a function are one JSON value per line. Returns `undefined` for tests
 * that the form cannot express: languages other than Python, and asserts.
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
