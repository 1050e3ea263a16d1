import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Verdict } from '../core/verdict.ts';
import { createDifferences, otherFormShare, strictnessOf } from './answer-differences.ts';
import { mathAnswer, mathConfig, openMathAnswer } from './math/verifier.ts';

const verdict = (rule: string, gold: string, extracted: string): Pick<Verdict, 'outcome' | 'evidence'> => ({
  outcome: 'correct',
  evidence: { rule, gold, extracted },
});

const stored = ({ outcome, evidence }: Pick<Verdict, 'outcome' | 'evidence'>) => ({
  outcome,
  evidence: JSON.stringify(evidence ?? null),
});

test('counts differing texts by rule, and sorts rules: loose, exact, form, and the rarest first among equals', () => {
  const differences = createDifferences<{ index: number }>(2);
  const verdicts = [
    verdict('same form', '\\frac12', '\\dfrac12'),
    verdict('same value exactly', '0.5', '1/2'),
    verdict('same value exactly', '0.5', '1/2'),
    verdict('same ratio, scaled', '3:4', '6:8'),
    ...['5 km', '5 m', '5 s'].map((answer) => verdict('same form, units aside', '5', answer)),
    verdict('same form', '7', ' 7 '),
    verdict('same words', 'yes', 'yes'),
    { outcome: 'correct', evidence: { tests: [] } } as const,
    { ...verdict('no rule makes them equal', '1', '2'), outcome: 'incorrect' as const },
  ];
  for (const [index, one] of verdicts.entries()) differences.add(stored(one), { index });
  const result = differences.result();
  expect(result).toMatchObject({ decided: 9, withoutRule: 1, sameText: 2, otherForm: 6 / 9 });
  expect(result.rules.map(({ rule, strictness, count }) => [rule, strictness, count])).toEqual([
    ['same form, units aside', 'loose', 3],
    ['same ratio, scaled', 'exact', 1],
    ['same value exactly', 'exact', 2],
    ['same form', 'form', 1],
  ]);
  expect(result.rules[0]).toMatchObject({
    share: 3 / 9,
    examples: [
      { index: 4, gold: '5', answer: '5 km' },
      { index: 5, gold: '5', answer: '5 m' },
    ],
  });
  expect(result.rules[2]!.examples).toEqual([{ index: 1, gold: '0.5', answer: '1/2' }]);
  expect(otherFormShare(verdicts)).toBe(6 / 9);
});

test('keeps the first 500 characters of each text', () => {
  const differences = createDifferences(1);
  differences.add(stored(verdict('r'.repeat(1e6), '1', 'x'.repeat(1e6))), {});
  const [found] = differences.result().rules;
  expect([found!.rule.length, found!.examples[0]!.answer.length]).toEqual([500, 500]);
});

test('counts a verdict with damaged evidence as one that names no rule', () => {
  const differences = createDifferences(1);
  for (const evidence of ['{"rule": "same', '7', 'null', null])
    differences.add({ outcome: 'correct', evidence }, {});
  expect(differences.result()).toMatchObject({ decided: 0, withoutRule: 4 });
});

test('returns no share if no correct verdict names a rule', () => {
  expect(createDifferences(1).result()).toMatchObject({ decided: 0, otherForm: null, rules: [] });
  expect(otherFormShare([{ outcome: 'correct' }, { outcome: 'incorrect' }])).toBeUndefined();
});

test.each([
  ['7', '7.0', 'exact'],
  ['5', '5 m/s', 'loose'],
  ['50\\%', '50', 'loose'],
  ['3.14159', '\\pi', 'loose'],
  ['\\frac{1}{2}', '\\dfrac 12', 'form'],
])('the math verifier accepts %s as %s by a rule that is %s', async (gold, answer, strictness) => {
  await using math = openMathAnswer(mathConfig.parse(mathAnswer()));
  const problem = { id: 'p', domain: 'math', prompt: [], source: '', answer: gold };
  const { outcome, evidence } = await math.verify(problem, `\\boxed{${answer}}`);
  expect(outcome).toBe('correct');
  expect(strictnessOf(String(evidence!['rule']))).toBe(strictness);
});

test('counts every correct verdict once, whatever its evidence', () => {
  const evidence = fc.oneof(
    fc.record({
      rule: fc.constantFrom('same form', 'a, units aside', 'b', '__proto__', 'constructor'),
      gold: fc.constantFrom('1', '2', ' 1'),
      extracted: fc.constantFrom('1', '2', '3'),
    }),
    fc.dictionary(fc.constantFrom('rule', 'gold', 'extracted'), fc.jsonValue()),
  );
  const outcome = fc.constantFrom('correct' as const, 'incorrect' as const);
  fc.assert(
    fc.property(fc.array(fc.record({ outcome, evidence })), fc.nat(3), (verdicts, most) => {
      const differences = createDifferences(most);
      for (const one of verdicts) differences.add(stored(one), {});
      const { decided, withoutRule, sameText, otherForm, rules } = differences.result();
      const correct = verdicts.filter((one) => one.outcome === 'correct');
      expect(decided + withoutRule).toBe(correct.length);
      expect(rules.reduce((sum, { count }) => sum + count, sameText)).toBe(decided);
      expect(otherForm ?? undefined).toBe(otherFormShare(verdicts));
      for (const { examples, count } of rules)
        expect(examples.length).toBeLessThanOrEqual(Math.min(most, count));
    }),
  );
});
