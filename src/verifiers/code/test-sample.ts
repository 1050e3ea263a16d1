import { createRng, hashKey } from '../../core/rng.ts';

/**
 * Returns at most `maxTests` of the tests, in their original order. The choice depends only on the problem, so that all
 * rollouts of a group, and all later runs, are judged by the same tests.
 */
export function sampleTests<T>(problemId: string, tests: readonly T[], maxTests: number): readonly T[] {
  if (tests.length <= maxTests) return tests;
  const order = createRng(hashKey(problemId), 'tests').shuffle(tests.map((_, index) => index));
  return order
    .slice(0, maxTests)
    .toSorted((a, b) => a - b)
    .map((index) => tests[index]!);
}
