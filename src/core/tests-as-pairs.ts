import { stringifyJson } from './lossless-json.ts';
import type { ProblemTests } from './problem.ts';

/** Tests as two lists side by side, which verl's prime_code scorer reads; `fn_name` where a function is called. */
export interface PairedTests {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly fn_name?: string;
}

/**
 * Tests in verl's form: a function's arguments are one JSON value a line. `undefined` for tests that it has no form for:
 * those in another language than Python, and asserts.
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
