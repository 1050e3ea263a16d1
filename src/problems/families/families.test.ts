import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRng } from '../../core/rng.ts';
import { families } from './catalogue.ts';

const draws = (seed: number) =>
  families.flatMap((family) =>
    Array.from({ length: family.knobs }, (_, i) => ({
      family,
      knob: i + 1,
      drawn: family.generate(createRng(seed, family.name, i), i + 1),
    })),
  );

test('there are at least ten math and four code families, with six or more knobs and distinct names', () => {
  const count = (domain: string): number => families.filter((family) => family.domain === domain).length;
  expect(count('math')).toBeGreaterThanOrEqual(10);
  expect(count('code')).toBeGreaterThanOrEqual(4);
  expect(new Set(families.map(({ name }) => name)).size).toBe(families.length);
  expect(Math.min(...families.map(({ knobs }) => knobs))).toBeGreaterThanOrEqual(6);
});

describe.each(families.filter(({ domain }) => domain === 'math'))('math family $name', (family) => {
  test('the worked solution ends in the boxed answer', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: family.knobs }), (seed, knob) => {
        const { answer, solution, tests } = family.generate(createRng(seed), knob);
        expect(solution.endsWith(`;\\boxed{${answer}}`)).toBe(true);
        expect(tests).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });
});

describe.each(families.filter(({ domain }) => domain === 'code'))('code family $name', (family) => {
  test('the worked solution passes its hidden tests and fits every value shown in the question', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: family.knobs }), (seed, knob) => {
        const { question, solution, tests } = family.generate(createRng(seed), knob);
        // oxlint-disable-next-line no-eval -- the family's own solution, in a test
        const program = (0, eval)(solution) as (...inputs: unknown[]) => unknown;
        expect(tests?.type).toBe('function');
        if (tests?.type !== 'function') return;
        for (const one of tests.cases) expect(program(...one.arguments)).toBe(one.expected);
        for (const [, inputs, value] of question.matchAll(/f\(([-\d,]+)\)=(-?\d+)/g))
          expect(program(...inputs!.split(',').map(Number))).toBe(Number(value));
      }),
      { numRuns: 50 },
    );
  });
});

/** Check answers against the text of the question, by methods other than the family's own. */
const checks: Record<string, (question: string, answer: string) => void> = {
  addition: sum,
  subtraction: sum,
  multiplication: sum,
  brackets: sum,
  remainder: sum,
  fractions: (question, answer) => {
    expect(compute(answer)).toBeCloseTo(compute(question.slice(0, -2)), 9);
  },
  'linear-equation': (question, answer) => {
    const [left, right] = question.replace(',x=?', '').replaceAll('x', `*(${answer})`).split('=');
    expect(compute(left!)).toBe(compute(right!));
  },
  'greatest-divisor': (question, answer) => {
    const [a, b] = numbersOf(question);
    const common = range(1, Math.min(a!, b!)).filter((d) => a! % d === 0 && b! % d === 0);
    expect(Number(answer)).toBe(common.at(-1));
  },
  'common-multiple': (question, answer) => {
    const [a, b] = numbersOf(question);
    expect(Number(answer)).toBe(range(1, a! * b!).find((m) => m % (a ?? 0) === 0 && m % (b ?? 0) === 0));
  },
  counting: (question, answer) => {
    const [, kinds, first, last] = /how many (.*) in (\d+)\.\.(\d+)/.exec(question)!;
    const divisors = kinds!.split(' or ').map((kind) => Number.parseInt(kind, 10) || 1);
    const found = range(Number(first), Number(last)).filter((n) => divisors.some((d) => n % d === 0));
    expect(Number(answer)).toBe(found.length);
  },
  'number-bases': (question, answer) => {
    const [value, base] = numbersOf(question);
    const expected = question.includes('to') ? value!.toString(base) : Number.parseInt(String(value), base);
    expect(answer).toBe(String(expected));
  },
  sequences: (question, answer) => {
    const terms = [...numbersOf(question), Number(answer)];
    const steps = terms.slice(1).map((value, i) => value - terms[i]!);
    const growth = steps.slice(1).map((value, i) => value - steps[i]!);
    const ratios = terms.slice(1).map((value, i) => value / terms[i]!);
    expect([steps, growth, ratios].some((list) => new Set(list).size === 1)).toBe(true);
  },
  'word-problems': (question, answer) => {
    const [a, b, c] = numbersOf(question);
    const start = question.includes('each?') ? a! / b! : question.includes('bags of') ? a! * b! : a!;
    const bought = question.includes('buys') ? b! : 0;
    const lost = !question.includes('loses') ? 0 : c === undefined ? b! : c;
    expect(Number(answer)).toBe(start + bought - lost);
  },
};

const numbersOf = (text: string): number[] => (text.match(/-?\d+/g) ?? []).map(Number);
const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);
// oxlint-disable-next-line no-eval -- arithmetic written by the family itself, in a test
const compute = (expression: string): number => Number((0, eval)(expression));
function sum(question: string, answer: string): void {
  expect(Number(answer)).toBe(compute(question.slice(0, -2)));
}

test('every math answer equals the answer computed from the question alone', () => {
  expect(Object.keys(checks).toSorted()).toEqual(
    families.flatMap(({ name, domain }) => (domain === 'math' ? [name] : [])).toSorted(),
  );
  for (let seed = 0; seed < 60; seed++) {
    for (const { family, drawn } of draws(seed)) {
      if (family.domain === 'math') checks[family.name]!(drawn.question, drawn.answer!);
    }
  }
});

/** Computes the result of the steps that a question describes in words. */
function carryOut(question: string, x: number): number {
  const steps = question.replace('x: ', '').split(', ');
  return steps.reduce((value, words) => {
    const [operation, constant] = [words.replace(/ \d+$/, ''), numbersOf(words)[0]!];
    if (operation === 'add') return value + constant;
    if (operation === 'subtract') return value - constant;
    return operation === 'multiply by' ? value * constant : constant - value;
  }, x);
}

describe.each(families.filter(({ name }) => ['described-steps', 'chain'].includes(name)))(
  'steps in words: $name',
  (family) => {
    test('the hidden tests expect the value that results from the steps in the question', () => {
      fc.assert(
        fc.property(fc.integer(), fc.integer({ min: 1, max: family.knobs }), (seed, knob) => {
          const { question, tests } = family.generate(createRng(seed), knob);
          if (tests?.type !== 'function') throw new Error('expected tests of a function');
          for (const {
            arguments: [x],
            expected,
          } of tests.cases)
            expect(carryOut(question, Number(x))).toBe(expected);
        }),
        { numRuns: 100 },
      );
    });
  },
);

test('a chain of k operations uses skill j at step j, so it needs the skills of shorter chains and one more', () => {
  const chain = families.find(({ name }) => name === 'chain')!;
  const operationsOf = (knob: number, seed: number): string[] =>
    chain.generate(createRng(seed), knob).question.replace('x: ', '').replaceAll(/ \d+/g, '').split(', ');
  fc.assert(
    fc.property(fc.integer(), fc.integer(), fc.integer({ min: 1, max: 6 }), (seed, other, knob) => {
      expect(operationsOf(knob, seed)).toHaveLength(knob);
      expect(operationsOf(6, other).slice(0, knob)).toEqual(operationsOf(knob, seed));
    }),
    { numRuns: 100 },
  );
});

test('rejects an unknown knob', () => {
  expect(() => families[0]!.generate(createRng(0), 7)).toThrow(
    'addition: expected a knob from 1 to 6, got 7',
  );
});
