import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng } from '../../core/rng.ts';
import { families } from './catalogue.ts';
import { wordingsOf } from './wordings.ts';

const questionOf = (family: (typeof families)[number], seed: number, knob: number): string =>
  family.generate(createRng(seed), knob).question;
const worded = families.filter((family) => wordingsOf(questionOf(family, 0, 1), 'train').length > 0);
/** What decides the answer: runs of digits with their signs and operators. */
const figuresOf = (text: string) => text.match(/[-+*/%()\d]*\d[-+*/%()\d]*/g)?.join(' ');

test('at least eleven math families have wordings', () => {
  expect(worded.length).toBeGreaterThanOrEqual(11);
  expect(worded.every(({ domain }) => domain === 'math')).toBe(true);
});

test('the six wordings of a question are distinct and keep its figures', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...worded),
      fc.integer(),
      fc.integer({ min: 1, max: 6 }),
      (family, seed, knob) => {
        const question = questionOf(family, seed, knob);
        const wordings = [...wordingsOf(question, 'train'), ...wordingsOf(question, 'held-out')];
        expect(new Set([question, ...wordings]).size).toBe(7);
        for (const wording of wordings) expect(figuresOf(wording)).toBe(figuresOf(question));
      },
    ),
    { numRuns: 400 },
  );
});
