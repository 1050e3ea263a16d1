import { expect, test } from 'vitest';
import { mathProblem } from '../testing/index.ts';
import { composite } from './composite.ts';
import { openVerifier, verifierConfig } from './config.ts';
import { format } from './format.ts';
import { mathAnswer } from './math/verifier.ts';

const parts = [
  { verifier: mathAnswer({ extraction: 'boxed' }), weight: 9 },
  { verifier: format(), weight: 1, decides: false },
];
const problem = mathProblem({ id: 'p', answer: '5' });
const formed = (answer: string): string => `<think>hm</think><answer>${answer}</answer>`;

test.each([
  [formed('\\boxed{5}'), 'correct', 1],
  ['\\boxed{5}', 'correct', 0.9],
  [formed('\\boxed{6}'), 'incorrect', 0.1],
  [formed('5'), 'unparsed', 0.1],
  ['5', 'unparsed', 0],
])('%j: %s with score %d', async (completion, outcome, score) => {
  await using verifier = openVerifier(verifierConfig.parse(composite(parts)));
  const verdict = await verifier.verify(problem, completion);
  expect(verdict).toMatchObject({ outcome, verifier: `composite@${verifier.version}` });
  expect(verdict.score).toBeCloseTo(score, 12);
  expect(verdict.reason).toMatch(/^math: .*; format: /);
});

test('requires both parts if the format decides too, and still compares the answer', async () => {
  const both = parts.map((part) => ({ ...part, decides: true }));
  await using verifier = openVerifier(verifierConfig.parse(composite(both)));
  expect((await verifier.verify(problem, '\\boxed{5}')).outcome).toBe('incorrect');
  const verdict = await verifier.verify(problem, formed('\\boxed{7}'));
  expect(verdict.evidence).toMatchObject({
    value: '7',
    parts: [{ weight: 9 }, { weight: 1, outcome: 'correct' }],
  });
});

test('is ungradable if any part is', async () => {
  await using verifier = openVerifier(verifierConfig.parse(composite(parts)));
  const bad = mathProblem({ id: 'bad', answer: '\\frac{{' });
  expect(() => verifier.check(bad)).toThrow('problem bad');
  expect(await verifier.verify(bad, formed('\\boxed{5}'))).toMatchObject({ outcome: 'ungradable', score: 0 });
});

test('includes weights, parts and their options in the version', () => {
  const versionOf = (config: Parameters<typeof verifierConfig.parse>[0]): string =>
    openVerifier(verifierConfig.parse(config)).version;
  const [math, form] = parts as [(typeof parts)[0], (typeof parts)[0]];
  const variants = [
    composite(parts),
    composite([math]),
    composite([math, { ...form, weight: 2 }]),
    composite([math, { ...form, decides: true }]),
    composite([{ ...math, verifier: mathAnswer() }, form]),
  ];
  expect(new Set(variants.map(versionOf)).size).toBe(variants.length);
  expect(versionOf(composite(parts))).toBe(versionOf(composite(parts)));
});

test('rejects a config without a deciding part', () => {
  expect(() => verifierConfig.parse(composite([parts[1]!]))).toThrow('at least one part that decides');
  expect(() => verifierConfig.parse(composite([]))).toThrow('Too small');
});
