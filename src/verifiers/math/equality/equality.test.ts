import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareRead, readAnswer } from '../answer.ts';
import { mathPolicy, type MathPolicy } from '../comparison-policy.ts';

function same(gold: string, answer: string, policy: Partial<MathPolicy> = {}): boolean {
  return compareRead(readAnswer(gold), readAnswer(answer), { ...mathPolicy.parse({}), ...policy }).isEqual;
}

const equal: readonly (readonly [string, string])[] = [
  ['1/3', '\\frac13'],
  ['3\\frac12', '3.5'],
  ['-1\\frac{1}{2}', '-1.5'],
  ['3 1/2', '7/2'],
  ['0.1\\overline{6}', '\\frac16'],
  ['1.5\\times10^{3}', '1500'],
  ['12,345', '12345'],
  ['2,\\!000', '2000'],
  ['\\$1{,}234.50', '1234.5'],
  ['1,22', '1.22'],
  ['18', '18 dollars'],
  ['5 \\text{ m/s}', '5 m/s'],
  ['9.8', '9.8 m/s^2'],
  ['\\frac12', '\\frac12 \\text{ or } 0.5'],
  ['\\frac{h(a+b)}{2}', '\\frac{ha+hb}{2}'],
  ['101_2', '101_{\\text{two}}'],
  ['15\\mbox{ cm}^2', '15'],
  ['60 \\text{ mph}', '60 miles per hour'],
  ['75\\%', '75 percent'],
  ['75\\%', '0.75'],
  ['1/3', '0.3333333'],
  ['\\sqrt{8}', '2\\sqrt2'],
  ['\\sqrt[3]{-8}', '-2'],
  ['\\binom{10}{3}', '120'],
  ['10!', '3628800'],
  ['\\log_2 8', '3'],
  ['e^{i\\pi}', '-1'],
  ['\\frac{1}{1+i}', '\\frac{1-i}{2}'],
  ['\\tan 15^\\circ', '2-\\sqrt{3}'],
  ['\\cos^{-1}(0)', '\\frac{\\pi}{2}'],
  ['\\lfloor 3.7\\rfloor', '3'],
  ['\\gcd(12,18)', '6'],
  ['2^{100000}', '4^{50000}'],
  ['\\frac{1}{2004!}', '1/(2004!)'],
  ['\\sin^2 x + \\cos^2 x', '1'],
  ['x^2-1', '(x-1)(x+1)'],
  ['\\frac{x+1}{x-1}', '1+\\frac{2}{x-1}'],
  ['\\ln|x|+C', 'C+\\ln|x|'],
  ['x=5', '5'],
  ['y = 2x+1', '2x - y + 1 = 0'],
  ['x < 1', '-x > -1'],
  ['x\\ge 3', '[3,\\infty)'],
  ['x < 2 \\text{ or } x > 3', '(-\\infty,2)\\cup(3,\\infty)'],
  ['1\\leq|z|\\leq 2', 'z \\in [-2,-1]\\cup[1,2]'],
  ['\\mathbb{R}\\setminus\\{2\\}', '(-\\infty,2)\\cup(2,\\infty)'],
  ['\\{x \\mid x>3\\}', '(3,\\infty)'],
  ['f(2) < f(1) < f(4)', 'f(4) > f(1) > f(2)'],
  ['1,2,3', '3,2,1'],
  ['x=1 \\text{ or } x=2', '2, 1'],
  ['a=4, -8, -10', '-10,-8,4'],
  ['x=\\pm 2', '-2, 2'],
  ['\\frac{3\\pm\\sqrt{5}}{2}', '\\frac{3-\\sqrt5}{2},\\frac{3+\\sqrt5}{2}'],
  ['(x,y)=(3,4)', 'x=3,y=4'],
  ['p=5,q=2;p=7,q=2', '(5,2),(7,2)'],
  ['\\{1,2\\}', '\\{2,1\\}'],
  ['\\emptyset', '\\{\\}'],
  ['\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}', '\\begin{bmatrix} 1 & 2 \\\\ 3 & 4 \\end{bmatrix}'],
  ['\\begin{pmatrix}1\\\\2\\end{pmatrix}', '(1,2)'],
  [
    '\\begin{pmatrix}6&8\\end{pmatrix}',
    '\\begin{pmatrix}1&2\\end{pmatrix}+\\begin{pmatrix}5&6\\end{pmatrix}',
  ],
  ['204_5', '204'],
  ['7 \\pmod{11}', '7'],
  ['f^{-1}(x) = \\frac{x}{2}', '0.5x'],
  ['\\left\\{\\begin{array}{l} x=1 \\\\ y=2 \\end{array}\\right.', 'y=2, x=1'],
  ['\\begin{cases} x=1 \\\\ y=2 \\end{cases}', '(1,2)'],
  ['\\{1\\}\\cup\\{2\\}', '\\{1, 2\\}'],
  ['x = \\frac{\\pi}{4} + k\\pi, k \\in \\mathbb{Z}', 'k\\pi + \\pi/4'],
  ['\\text{Option C}', '\\textbf{(C)}'],
  ['5', '\\color{red}{\\boldsymbol{5}}'],
  ['15\\,\\mathrm{~cm}^{2}', '15'],
  ['3\\ \\mathrm{km}/\\mathrm{h}', '3'],
  ['3:4', '6:8'],
  ['10:08 \\text{ a.m.}', '10:08'],
  ['\\text{(B)}', 'B'],
  ['\\text{No solution}', 'no solution'],
  ['\\text{five}', '5'],
  ['\\\\frac{1}{2}', '0.5'],
  ['\\ln(2^{5000})', '5000\\ln 2'],
  ['\\frac{e^{x}+e^{-x}}{2}', '\\cosh x'],
];

test.each(equal)('%s equals %s, with either as the gold', (gold, answer) => {
  expect(same(gold, answer)).toBe(true);
  expect(same(answer, gold)).toBe(true);
});

const different: readonly (readonly [string, string])[] = [
  ['2^{2005}', '2^{3005}'],
  ['2^{100000}', '2^{100000}+1'],
  ['\\frac{1}{2004!}', '\\frac{1}{2006!}'],
  ['100000!', '100001!'],
  ['75', '0.75'],
  ['18.5', '18.49'],
  ['5', '5\\text{ or 6}'],
  ['5', '5 \\text{ or } 6'],
  ['5', '\\text{not }5'],
  ['16386.17', '16386.20'],
  ['(1,2)', '(2,1)'],
  ['(1,2)', '\\{1,2\\}'],
  ['(1,2)', '[1,2]'],
  ['[1,2)', '[1,2]'],
  ['1, 2, 3', '1, 2'],
  ['-1,3,3', '-1,3'],
  ['x=5', 'y=5'],
  ['x>5', 'x<5'],
  ['x\\ge 3', '(3,\\infty)'],
  ['7=11a+c', '11a+c'],
  ['3x+2', '3y+2'],
  ['5m', '5s'],
  ['h(x)', 'g(x)'],
  ['(2x+1)^2', '4x^2+4x+2'],
  ['\\sin x', '\\cos x'],
  ['\\infty', '-\\infty'],
  ['120^\\circ', '\\frac{2\\pi}{3}'],
  ['204_5', '204_6'],
  ['12:00', '1:00'],
  ['10:08 \\text{ a.m.}', '10:08 \\text{ p.m.}'],
  ['\\text{A}', 'B'],
  ['\\text{odd}', '\\text{oddd}'],
  ['\\pm 2021', '2021'],
  ['1/0', '2/0'],
  ['0.1', '0.10000000000000000001'],
  ['32349', '32, 349'],
  ['\\sinh 40', '\\cosh 40'],
  ['e^{50}+1', 'e^{50}'],
  ['\\sinh(40x)', '\\cosh(40x)'],
  ['x+e^{50}', 'x+e^{50}+1'],
  ['\\sqrt{10^{20}+1}', '10^{10}'],
  ['\\ln(2^{5000})', '\\ln(2^{5000}+1)'],
];

test.each(different)('%s differs from %s, with either as the gold', (gold, answer) => {
  expect(same(gold, answer)).toBe(false);
  expect(same(answer, gold)).toBe(false);
});

test.each<readonly [Partial<MathPolicy>, string, string, boolean, boolean]>([
  [{ lists: 'ordered' }, '1, 2', '2, 1', true, false],
  [{ percent: 'gold' }, '75\\%', '75', true, true],
  [{ percent: 'gold' }, '75', '75\\%', true, false],
  [{ percent: 'never' }, '75\\%', '75', true, false],
  [{ percent: 'never' }, '75\\%', '0.75', true, true],
  [{ units: 'compare' }, '18', '18 dollars', true, false],
  [{ units: 'compare' }, '18 \\text{ cm}', '18 cm', true, true],
  [{ unreduced: 'reject' }, '\\frac12', '\\frac24', true, false],
  [{ significantDigits: 3 }, '1/3', '0.333', false, true],
  [{ inequalities: 'as-written' }, '[-2,7]', '-2\\le x\\le 7', true, false],
  [{ inequalities: 'as-written' }, '-2\\le x\\le 7', 'x\\in[-2,7]', true, true],
  [{ variables: 'renamed' }, 'f(x)', 'f(y)', false, true],
  [{ variables: 'renamed' }, 'x+2y', 'y+2x', false, true],
])('%j decides whether %s equals %s', (policy, gold, answer, byDefault, underPolicy) => {
  expect(same(gold, answer)).toBe(byDefault);
  expect(same(gold, answer, policy)).toBe(underPolicy);
});

test('a value that rounds to a decimal gold matches it; a decimal never matches an irrational gold', () => {
  expect(same('3.14', '\\pi')).toBe(true);
  expect(same('3.1416', '3.14159')).toBe(true);
  expect(same('3.14159', '3.1416')).toBe(false);
  expect(same('\\pi', '3.14159')).toBe(false);
  expect(same('3.15', '\\pi')).toBe(false);
  expect(same('0.333', '1/3')).toBe(false);
  expect(same('0.33333', '1/3')).toBe(true);
  expect(same('1/3', '0.333')).toBe(false);
  expect(same('7.7778', '\\frac{70}{9}')).toBe(true);
});

test('if the gold is a value, an equation answers with the value after its last sign; a value does not answer an equation', () => {
  expect(same('42', 'm+n=42')).toBe(true);
  expect(same('42', '100m+n = 42')).toBe(true);
  expect(same('1', '\\lim_{x\\to 0}\\frac{\\sin x}{x} = 1')).toBe(true);
  expect(same('37', 'm+n=42')).toBe(false);
  expect(same('2x+z=1', '1')).toBe(false);
  expect(same('0', 'x^2+y^2-25=0')).toBe(false);
  expect(same('2y', 'x+y=2y')).toBe(false);
});

/** A value, and one of many ways to write it. */
interface Spelled {
  readonly value: readonly [bigint, bigint];
  readonly text: string;
}

const whole = fc
  .bigInt({ min: -50n, max: 50n })
  .map((n): Spelled => ({ value: [n, 1n], text: n < 0n ? `(${n})` : `${n}` }));
const { spelled } = fc.letrec<{ spelled: Spelled }>((tie) => ({
  spelled: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    whole,
    fc.tuple(tie('spelled'), tie('spelled')).map(
      ([
        {
          value: [a, b],
          text: left,
        },
        {
          value: [c, d],
          text: right,
        },
      ]) => ({ value: [a * d + c * b, b * d] as const, text: `\\left(${left} + ${right}\\right)` }),
    ),
    fc.tuple(tie('spelled'), tie('spelled')).map(
      ([
        {
          value: [a, b],
          text: left,
        },
        {
          value: [c, d],
          text: right,
        },
      ]) => ({ value: [a * c, b * d] as const, text: `${left}\\cdot ${right}` }),
    ),
    fc
      .tuple(tie('spelled'), tie('spelled'))
      .filter(
        ([
          ,
          {
            value: [c],
          },
        ]) => c !== 0n,
      )
      .map(
        ([
          {
            value: [a, b],
            text: left,
          },
          {
            value: [c, d],
            text: right,
          },
        ]) => ({ value: [a * d, b * c] as const, text: `\\frac{${left}}{${right}}` }),
      ),
    tie('spelled').map(({ value: [a, b], text }) => ({
      value: [a * a, b * b] as const,
      text: `{(${text})}^2`,
    })),
  ),
}));

test('arithmetic in LaTeX has the same value as in rational numbers', () => {
  fc.assert(
    fc.property(spelled, ({ value: [a, b], text }) => {
      fc.pre(text.length < 900);
      expect(same(`${a}/(${b})`, text)).toBe(true);
      expect(same(text, `(${a}+${b})/(${b})`)).toBe(false);
    }),
    { numRuns: 400 },
  );
});

test('polynomials are equal if and only if their coefficients are', () => {
  const coefficients = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 5 });
  const write = (list: readonly number[]): string => list.map((c, power) => `(${c})x^{${power}}`).join('+');
  fc.assert(
    fc.property(coefficients, coefficients, (a, b) => {
      const length = Math.max(a.length, b.length);
      const isSame = Array.from({ length }, (_, i) => (a[i] ?? 0) === (b[i] ?? 0)).every(Boolean);
      expect(same(write(a), write(b.toReversed().toReversed()))).toBe(isSame);
      expect(
        same(
          write(a),
          a
            .map((c, power) => `${c}*x**${power}`)
            .toReversed()
            .join('+'),
        ),
      ).toBe(true);
    }),
    { numRuns: 300 },
  );
});
