import type { Problem } from '../core/problem.ts';

/**
 * Creates a math problem for tests; `overrides` replace its fields. Give each problem a unique id.
 *
 * @example
 * const problems = [1, 2, 3].map((n) => mathProblem({ id: `sum/${n}`, knob: n }));
 */
export function mathProblem(overrides: Partial<Problem> = {}): Problem {
  return {
    id: 'addition/1/train/0',
    domain: 'math',
    family: 'addition',
    knob: 1,
    prompt: [{ role: 'user', content: '2+2=?' }],
    answer: '4',
    source: 'generated',
    ...overrides,
  };
}

/** Creates a code problem for tests, with two visible cases; `overrides` replace its fields. */
export function codeProblem(overrides: Partial<Problem> = {}): Problem {
  return {
    id: 'double/1/train/0',
    domain: 'code',
    family: 'double',
    knob: 1,
    prompt: [{ role: 'user', content: 'f(1)=2, f(3)=6. f?' }],
    tests: {
      type: 'function',
      language: 'javascript',
      entryPoint: 'f',
      cases: [
        { arguments: [1], expected: 2 },
        { arguments: [3], expected: 6 },
      ],
    },
    source: 'generated',
    ...overrides,
  };
}
