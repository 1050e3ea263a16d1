import { expect, test } from 'vitest';
import { DataError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import { openMathAnswer, mathAnswer, mathConfig } from './verifier.ts';

const verifier = openMathAnswer(mathConfig.parse(mathAnswer()));

function problem(answer?: string): Problem {
  return {
    id: 'p/1',
    domain: 'math',
    prompt: [{ role: 'user', content: '?' }],
    ...(answer !== undefined && { answer }),
    source: 'test.jsonl',
  };
}

test('a verdict contains the extracted text, its span, its normal form and the rule that decided', async () => {
  const completion = 'So we get \\boxed{x = \\dfrac12} in the end.';
  const verdict = await verifier.verify(problem('0.5'), completion);
  expect(verdict).toMatchObject({ outcome: 'correct', score: 1, verifier: `math@${verifier.version}` });
  expect(verdict.evidence).toMatchObject({
    extracted: 'x = \\dfrac12',
    foundBy: 'box',
    rule: 'same value exactly',
    gold: '0.5',
  });
  const [start, end] = verdict.evidence!['span'] as [number, number];
  expect(completion.slice(start, end)).toBe('x = \\dfrac12');
});

test.each([
  ['5', '5.0', true],
  ['-5', '+5', false],
  ['05', '5', true],
  ['1,000', '1000', true],
  ['\\frac{2}{4}', '1/2', true],
  ['\\dfrac{-1}{2}', '-0.5', true],
  ['-\\frac{1}{2}', '-.5', true],
  ['$5$', '5', true],
  ['x=5', '5', true],
  ['5.', '5', true],
  ['-0', '0', true],
  ['1/3', '0.333', false],
  ['5!', '120', true],
  ['9^{9^9}', '9^{9^9}', true],
  ['0.1', '0.10000000000000000001', false],
  ['\\text{no}', '\\text{no}', true],
])('%s and %s are equal, with either as the gold: %s', async (one, other, same) => {
  const outcome = same ? 'correct' : 'incorrect';
  expect((await verifier.verify(problem(one), `\\boxed{${other}}`)).outcome).toBe(outcome);
  expect((await verifier.verify(problem(other), `\\boxed{${one}}`)).outcome).toBe(outcome);
});

test('a verdict contains the exact value of the answer, in any notation', async () => {
  const valueOf = async (answer: string): Promise<unknown> =>
    (await verifier.verify(problem('7'), `\\boxed{${answer}}`)).evidence!['value'];
  expect(await Promise.all(['0.50', '\\frac{2}{4}', '1/2'].map(valueOf))).toEqual(['1/2', '1/2', '1/2']);
  expect(await valueOf('-6/3')).toBe('-2');
  expect(await valueOf('y = 3')).toBe('3');
  expect(await Promise.all(['\\pi', 'x+1', '(1,2)', '1,23', '2000!'].map(valueOf))).toEqual(
    Array(5).fill(undefined),
  );
});

test('judges a completion without an answer as unparsed, and a wrong answer as incorrect', async () => {
  expect((await verifier.verify(problem('5'), 'I do not know.')).outcome).toBe('unparsed');
  expect((await verifier.verify(problem('5'), '\\boxed{}')).outcome).toBe('unparsed');
  expect((await verifier.verify(problem('5'), '\\boxed{6}')).outcome).toBe('incorrect');
});

test('reads an answer outside a box only if the policy allows it', async () => {
  const strict = openMathAnswer(mathConfig.parse(mathAnswer({ extraction: 'boxed' })));
  expect((await strict.verify(problem('5'), 'The final answer is 5.')).outcome).toBe('unparsed');
  expect((await verifier.verify(problem('5'), 'The final answer is 5.')).outcome).toBe('correct');
  expect(strict.version).not.toBe(verifier.version);
});

test.each([undefined, '', '\\frac{{{', '((1,2)'])(
  'rejects the unreadable gold %j, and judges every answer to it as ungradable',
  async (gold) => {
    expect((await verifier.verify(problem(gold), `\\boxed{${gold ?? ''}}`)).outcome).toBe('ungradable');
    expect(() => verifier.check(problem(gold))).toThrow(DataError);
    expect(() => verifier.check(problem(gold))).toThrow(/p\/1 \(test\.jsonl\): expected a gold answer/);
  },
);

test('an answer that takes too many steps times out', async () => {
  const towers = Array.from({ length: 60 }, (_, i) => `${i + 1900}!`).join('+');
  expect((await verifier.verify(problem('1'), `\\boxed{${towers}}`)).outcome).toBe('timeout');
});

test('an unknown option causes an error', () => {
  expect(() => mathConfig.parse({ type: 'math', tolerance: 1 })).toThrow(/tolerance/);
});
