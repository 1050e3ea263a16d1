import { expect, test } from 'vitest';
import { createRng } from '../../core/rng.ts';
import type { Problem } from '../../core/problem.ts';
import { mathProblem, scriptedEngine } from '../../testing/index.ts';
import { openVerifier, verifierConfig } from '../../verifiers/config.ts';
import { mathAnswer } from '../../verifiers/math/verifier.ts';
import { labelSequence } from './labelled-attempt.ts';
import { probeValues } from './probe-values.ts';
import type { ScoredAttempt } from './scorer-quality.ts';

/** After `a`, every continuation is correct; after `b`, one in four; after `c`, none. */
const engine = scriptedEngine({
  complete: (_key, index, _version, _turn, { given }) => {
    const last = String.fromCharCode(given.tokens.at(-1)!);
    const isRight = last === 'a' || (last === 'b' && index === 0);
    return `\\boxed{${isRight ? 4 : 5}}`;
  },
});
const problems = new Map<string, Problem>(
  ['p', 'q'].map((id) => [
    id,
    mathProblem({ id, prompt: [{ role: 'user', content: `2+2=${id}` }], answer: '4' }),
  ]),
);

/** Returns an attempt whose positions are before and after each character of the answer. */
function attempt(problemId: string, answer: string, scores: readonly number[], prompt = `2+2=${problemId}`) {
  const head = engine.render([{ role: 'user', content: prompt }]);
  const tokens = Int32Array.from([...head, ...engine.encode(answer)]);
  const places = Array.from({ length: answer.length + 1 }, (_, at) => head.length + at);
  const isCorrect = answer.endsWith('4');
  const names = { problemId, domain: 'math', prompt, group: problemId };
  return {
    ...names,
    tokens,
    places,
    labels: places.map(() => isCorrect),
    isCorrect,
    scores,
  } satisfies ScoredAttempt;
}

const options = { prefixes: 10, continuations: 4, maxTokens: 20, temperature: 1, seed: 1 };
async function probe(attempts: readonly ScoredAttempt[], changes: Partial<typeof options> = {}) {
  await using verifier = openVerifier(verifierConfig.parse(mathAnswer()));
  return await probeValues({ engine, verifierFor: () => verifier, problems }, attempts, {
    ...options,
    ...changes,
  });
}
const textOf = ({ tokens }: { tokens: Int32Array }): string => String.fromCharCode(...tokens);

test('labels the most uncertain prefix of each attempt with the share of correct continuations', async () => {
  const { rows, ...counts } = await probe([
    // The positions before and after the complete answer are never probed, however uncertain their scores.
    attempt('p', 'xb4', [0.5, 0.9, 0.45, 0.5]),
    attempt('p', 'xa5', [0.5, 0.8, 0.6, 0.5]),
    attempt('q', 'xc5', [0.5, 0.1, 0.3, 0.5]),
  ]);
  expect(counts).toEqual({ prefixes: 3, mixed: 1, continuations: 12 });
  const labels = rows.map((row) => [textOf(row), row.labels, row.weights]);
  const [p, q] = ['p', 'q'].map((id) => textOf({ tokens: engine.render(problems.get(id)!.prompt) }));
  expect(labels).toEqual([
    [`${p}xb`, [true], [0.25]],
    [`${p}xb`, [false], [0.75]],
    [`${p}xa`, [true], [1]],
    [`${q}xc`, [false], [1]],
  ]);
  const row = labelSequence(rows[1]!, { good: 8, bad: 9 });
  expect([row.targets!.at(-1), row.weights.at(-1)]).toEqual([9, 0.75]);
  expect(row.weights.slice(0, -1).every((weight) => weight === 0)).toBe(true);
});

test('does not depend on the order, keeps the most uncertain prefixes, and skips unknown problems and different prompts', async () => {
  const rng = createRng(1, 'probed');
  const some = Array.from({ length: 12 }, (_, at) =>
    attempt('p', `${'abc'[at % 3]!.repeat(1 + (at % 4))}5`, [
      0.5,
      ...Array.from({ length: 1 + (at % 4) }, () => rng.next()),
      0.5,
    ]),
  );
  const few = { prefixes: 5 };
  const first = await probe(some, few);
  expect(first.prefixes).toBe(5);
  expect(await probe(rng.shuffle(some), few)).toEqual(first);
  const distance = ({ scores }: ScoredAttempt) =>
    Math.min(...scores.slice(1, -1).map((score) => Math.abs(score - 0.5)));
  const farthest = some.map(distance).toSorted((a, b) => a - b)[4]!;
  for (const row of first.rows) expect(distance(row as ScoredAttempt)).toBeLessThanOrEqual(farthest);
  const foreign = [
    attempt('r', 'xb4', [0.5, 0.5, 0.5, 0.5]),
    attempt('p', 'xb4', [0.5, 0.5, 0.5, 0.5], 'other'),
  ];
  expect(await probe(foreign)).toEqual({ rows: [], prefixes: 0, mixed: 0, continuations: 0 });
});
