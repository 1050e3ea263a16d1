import * as z from 'zod';
import { DataError } from '../../../core/errors.ts';
import { parseJson } from '../../../core/lossless-json.ts';
import type { ProblemTests, TestRules } from '../../../core/problem.ts';
import { contestImports, printedTests, returnedTests, statesReal } from './contest-tests.ts';

/** Two parallel lists: the format of APPS and TACO, of NeMo-Gym's `unit_tests` and of many `ground_truth` columns. */
export const pairedTests = z.object({
  inputs: z.array(z.unknown()).min(1),
  outputs: z.array(z.unknown()),
  fn_name: z.string().nullish(),
});

/**
 * Reads paired lists. With `fn_name`, each input is a list of arguments and each output is the result, sometimes
 * wrapped in a one-element list (accepted too, as in APPS). Without it, both are strings or lists of lines.
 */
export function testsOfPairs(
  pairs: z.output<typeof pairedTests>,
  rules: TestRules = { preamble: contestImports },
): ProblemTests {
  const { inputs, outputs, fn_name: entryPoint } = pairs;
  if (inputs.length !== outputs.length) {
    throw new DataError(`expected as many outputs as inputs, got ${outputs.length} for ${inputs.length}`);
  }
  if (entryPoint) {
    const cases = inputs.map((input, i) => callCase(parsed(input), parsed(outputs[i])));
    const isReal = outputs.some((output) => typeof output === 'string' && statesReal(output));
    return returnedTests(entryPoint, cases, {
      ...rules,
      ...(isReal ? { isReal } : {}),
      preamble: contestImports,
    });
  }
  const cases = inputs.map((input, i) => ({ input: textOf(input), output: textOf(outputs[i]) }));
  return printedTests(cases, rules);
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

/** Parses a list or object encoded as JSON text, as in some rows of TACO; returns other values unchanged. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return parseJson(value);
  } catch {
    return value;
  }
}

function textOf(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join('\n') : String(value);
}
