import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Problem } from '../../core/problem.ts';
import { createRng } from '../../core/rng.ts';
import { decontaminate } from './decontaminate.ts';
import { dedup } from './dedup.ts';
import { withoutFindings } from './filter.ts';
import { KeyIndex } from './key-index.ts';
import { bandKeys } from './min-hash.ts';
import { tokensOf } from './normal-form.ts';
import { NumberLists } from './number-lists.ts';
import { type Finding, FindingLog, formatReport } from './report.ts';
import { resemblance } from './shingles.ts';
import { findUnverifiable } from './unverifiable.ts';
import { startCpuClock } from '../../../test/cpu-time.ts';

const problem = (id: string, content: string, answer: string | null = '1'): Problem => ({
  id,
  domain: 'math',
  prompt: [{ role: 'user', content }],
  ...(answer === null ? {} : { answer }),
  source: 'test',
});

async function* stream(problems: readonly Problem[]): AsyncGenerator<Problem> {
  yield* problems;
}

/** Runs a filter; returns the ids of the remaining problems, and the findings. */
async function clean(run: (log: FindingLog) => AsyncIterable<Problem>) {
  const findings: (Finding & { readonly isRemoved: boolean })[] = [];
  const log = new FindingLog((finding) => findings.push(finding));
  const kept: string[] = [];
  for await (const { id } of run(log)) kept.push(id);
  return { kept, findings, report: log.report() };
}

const dedupOf = (problems: readonly Problem[], options: Parameters<typeof dedup>[2] = {}) =>
  clean((log) => dedup(() => stream(problems), log, options));

test.each([
  ['Compute $\\dfrac{1}{2}+\\frac12\\cdot 3$.', 'compute 1/2 + 1/2 × 3'],
  ['Find $\\left(x^{2}\\right)$', 'find (x^2)'],
  ['There are $10{,}000$ cats.', 'There are 10,000 cats'],
  ['$\\frac{a+b}{c}\\leq 3.5$', '(a+b)/c ≤ 3.5'],
  ['\\(x\\) and \\[y\\]', '$x$ and $$y$$'],
  ['**What** is  “it”?\n', 'what is it'],
  ['\\text{hello} \\mathrm{world}', 'hello world'],
])('%j and %j have the same normal form', (one, other) => {
  expect(tokensOf(one)).toEqual(tokensOf(other));
});

test.each([
  ['2(3+4)', '2*3+4'],
  ['5! + 1', '5 + 1'],
  ['3.5', '35'],
  ['x^{a+b}', 'x^a+b'],
  ["f'(2)", 'f(2)'],
  ['1, 2', '12'],
  ['a < b', 'a > b'],
])('%j and %j have different normal forms', (one, other) => {
  expect(tokensOf(one)).not.toEqual(tokensOf(other));
});

const story = (word: string, count: number): string =>
  `The baker of the old town sells ${count} loaves of ${word} bread every morning before the market opens, and then twice as many until noon. How many loaves does he sell?`;

test('keeps the first of exact duplicates in any spelling', async () => {
  const { kept, findings } = await dedupOf([
    problem('a', 'What is $\\frac12+x$?'),
    problem('b', 'what is  1/2 + x'),
    problem('c', 'What is 1/3+x?'),
  ]);
  expect(kept).toEqual(['a', 'c']);
  expect(findings).toMatchObject([{ id: 'b', reason: 'exact duplicate', evidence: { of: 'a' } }]);
});

test('removes all copies of an exact duplicate whose golds conflict, unless the golds are equivalent', async () => {
  const problems = [problem('a', 'Q?', '0.5'), problem('b', 'q', '1/2'), problem('c', 'q.', '0.5')];
  const strict = await dedupOf(problems);
  expect(strict.kept).toEqual([]);
  expect(strict.report.removed).toEqual({ 'conflicting golds': 2, 'exact duplicate': 1 });
  expect(strict.findings[0]).toMatchObject({ id: 'b', evidence: { of: 'a', golds: ['0.5', '1/2'] } });
  const judged = await dedupOf(problems, { sameAnswer: (a, b) => Promise.resolve(a !== b) });
  expect(judged.kept).toEqual(['a']);
});

test('near duplicates must have the same numbers and the same gold', async () => {
  const { kept, findings } = await dedupOf([
    problem('a', story('rye', 40), '120'),
    problem('same', story('wheat', 40), '120'),
    problem('number', story('rye', 45), '120'),
    problem('gold', story('corn', 40), '80'),
    problem('tests', story('oat', 40), null),
  ]);
  expect(kept).toEqual(['a', 'number', 'gold']);
  expect(findings.map(({ id, reason, isRemoved }) => [id, reason, isRemoved])).toEqual([
    ['same', 'near duplicate', true],
    ['gold', 'near duplicate with another gold', false],
    ['tests', 'near duplicate', true],
  ]);
  expect(
    (await dedupOf([problem('a', story('rye', 4)), problem('b', story('oat', 4))], { near: null })).kept,
  ).toHaveLength(2);
});

test('short texts are never near duplicates', async () => {
  expect((await dedupOf([problem('a', '2+3*4=?', '14'), problem('b', '2*3+4=?', '14')])).kept).toEqual([
    'a',
    'b',
  ]);
});

test('similar texts share a band key with the expected probability', () => {
  const rng = createRng(1, 'test');
  const draw = (): number => Math.floor(rng.next() * 2 ** 32);
  const meet = (share: number): number => {
    let met = 0;
    for (let trial = 0; trial < 200; trial++) {
      const common = Array.from({ length: Math.round(100 * share) }, draw);
      const own = (): Uint32Array =>
        Uint32Array.from([...common, ...Array.from({ length: (100 - common.length) / 2 }, draw)]).toSorted();
      const [a, b] = [own(), own()];
      expect(resemblance(a, b)).toBeCloseTo(share, 1);
      const keys = new Set(bandKeys(a, 1));
      if (bandKeys(b, 1).some((key) => keys.has(key))) met++;
      expect(bandKeys(a, 2).some((key) => keys.has(key))).toBe(false);
    }
    return met / 200;
  };
  // The expected values are 1 − (1 − s⁴)¹⁶ at s = 0.8, 0.5 and 0.2.
  expect(meet(0.8)).toBeGreaterThan(0.98);
  expect(meet(0.5)).toBeGreaterThan(0.5);
  expect(meet(0.5)).toBeLessThan(0.78);
  expect(meet(0.2)).toBeLessThan(0.08);
});

test('the key index and the number lists return all added values after growing', () => {
  const rng = createRng(2, 'test');
  const index = new KeyIndex();
  const lists = new NumberLists();
  const expected = new Map<number, number[]>();
  for (let item = 0; item < 60_000; item++) {
    const key = rng.integer(0, 40_000) * 7919;
    index.add(key, item);
    expected.set(key, [...(expected.get(key) ?? []), item]);
    lists.push(Uint32Array.from({ length: item % 50 }, (_, i) => item + i));
  }
  for (const [key, items] of expected) expect(index.get(key, 100)).toEqual(items);
  expect(index.get(1, 100)).toEqual([]);
  expect(lists.count).toBe(60_000);
  for (const item of [0, 1, 49, 4095, 4096, 59_999])
    expect([...lists.get(item)]).toEqual(Array.from({ length: item % 50 }, (_, i) => item + i));
});

const exam = [
  problem(
    'e1',
    'What is the greatest common divisor of $84$ and $126$? Express your answer as a whole number.',
    '42',
  ),
  problem(
    'e2',
    'A circle of radius 5 is inscribed in a square. What is the area of the square that is outside it?',
    '100-25\\pi',
  ),
  problem('e3', 'Simplify $\\sqrt{242}$.', '11\\sqrt{2}'),
];
const against = (problems: readonly Problem[], options = {}) =>
  clean((log) => decontaminate(stream(problems), [{ name: 'exam', problems: exam }], log, options));

test('finds evaluation problems verbatim, reformatted, contained and paraphrased', async () => {
  const { kept, findings } = await against([
    problem('verbatim', exam[0]!.prompt[0]!.content, 'a wrong gold does not hide it'),
    problem(
      'retypeset',
      'what is the greatest common divisor of \\(84\\) and \\(126\\)?  express your answer as a whole number',
      '42',
    ),
    problem(
      'contained',
      `Question 7. ${exam[1]!.prompt[0]!.content} Let us think step by step.`,
      '100-25\\pi',
    ),
    problem(
      'retold',
      'Determine the area of the square outside a circle of radius 5 inscribed in a square.',
      '100-25\\pi',
    ),
    problem(
      'other numbers',
      'What is the greatest common divisor of $48$ and $126$? Express your answer as a whole number.',
      '6',
    ),
    problem(
      'other gold',
      'A circle of radius 5 is inscribed in a square. What is the area of the square that lies within it?',
      '25\\pi',
    ),
    problem('unlike', 'How many primes are below 100?', '25'),
  ]);
  expect(kept).toEqual(['other numbers', 'other gold', 'unlike']);
  expect(findings.map(({ id, reason }) => [id, reason])).toEqual([
    ['verbatim', 'in exam: same text'],
    ['retypeset', 'in exam: same text'],
    ['contained', 'in exam: contained'],
    ['retold', 'in exam: retold'],
  ]);
  expect(findings[2]!.evidence).toMatchObject({
    id: 'e2',
    share: 1,
    passage:
      'a circle of radius 5 is inscribed in a square what is the area of the square that is outside it',
  });
});

test('finds problems whose golds are spelled differently, if sameAnswer compares golds', async () => {
  const retold = problem('r', 'Reduce $\\sqrt{242}$.', '\\sqrt{242}');
  expect((await against([retold])).kept).toEqual(['r']);
  expect((await against([retold], { sameAnswer: () => true })).kept).toEqual([]);
});

test.each<[string | undefined, string, string]>([
  ['proof', 'Prove that $\\sqrt{2}$ is irrational.', 'yes'],
  ['proof', 'Let $n$ be odd. Show that $n^2-1$ is divisible by 8.', '8'],
  [undefined, 'Show that the sum converges and find its value.', '2'],
  ['placeholder gold', 'Find x.', 'See solution'],
  ['placeholder gold', 'Find x.', '\\text{N/A}'],
  ['placeholder gold', 'Find x.', 'notfound'],
  ['placeholder gold', 'Find x.', 'Not_Found.'],
  ['placeholder gold', 'Find x.', '\\boxed{\\text{not found}}'],
  ['placeholder gold', 'Find x.', 'None'],
  ['placeholder gold', 'Find x.', 'NaN'],
  ['placeholder gold', 'Find x.', '[]'],
  ['placeholder gold', 'Find x.', '...'],
  ['placeholder gold', 'Find x.', 'no answer'],
  [undefined, 'How many real solutions are there?', 'no real solutions'],
  [undefined, 'Which of the numbers are prime?', 'none'],
  [undefined, 'Is it possible?', 'no'],
  [undefined, 'Find the missing letter.', 'nano'],
  ['missing picture', '<image>How many circles?', '4'],
  ['missing picture', 'How many circles? <image_1>', '4'],
  ['missing picture', 'How many circles? <|image_pad|>', '4'],
  ['missing picture', 'How many circles? [image]', '4'],
  [undefined, 'The image of f is [0, 1]. What is its length?', '1'],
  [
    'open question',
    'Explain why the sky is blue.',
    'Because short waves are scattered far more than long waves are',
  ],
  ['missing picture', 'What is the area of the shaded part in the figure below?', '3'],
  [undefined, 'In the diagram below, find x. [asy]draw((0,0)--(1,1));[/asy]', '3'],
  ['choice without options', 'Which of the following is prime?', '(B)'],
  [undefined, 'Which of the following is prime? (A) 4 (B) 5', 'B'],
  ['several parts', 'Given $x=2$. (1) Find $x^2$. (2) Find the value of $x^3$.', '8'],
  [undefined, 'Given the points (1) and (2) on a line, find their distance.', '1'],
  [undefined, 'What is 1+1?', '2'],
])('%s: %s', (reason, question, gold) => {
  expect(findUnverifiable(problem('p', question, gold))?.reason).toBe(reason);
});

test.each<[unknown, string | undefined]>([
  [['a.png'], 'missing picture'],
  ['a.png', 'missing picture'],
  [{ bytes: null, path: 'a.png' }, 'missing picture'],
  [[], undefined],
  ['', undefined],
  [null, undefined],
])('finding for images in a separate column, %o: %s', (images, reason) => {
  const asked = { ...problem('p', 'How many circles?', '4'), extra: { images } };
  expect(findUnverifiable(asked)?.reason).toBe(reason);
});

test('a report counts findings by reason with a few examples', async () => {
  const problems = Array.from({ length: 10 }, (_, i) =>
    problem(`p${i}`, i < 4 ? `Prove that ${i} holds.` : `${i}+1=?`),
  );
  const { kept, report } = await clean((log) => withoutFindings(stream(problems), [findUnverifiable], log));
  expect(kept).toHaveLength(6);
  expect(report).toMatchObject({ seen: 10, kept: 6, removed: { proof: 4 }, noted: {} });
  expect(report.examples).toHaveLength(3);
  expect(formatReport(report)).toContain(
    '6 of 10 problems stay\n         4  proof (removed)\n            p0: asks',
  );
});

test('a note does not remove its problem, and a removed problem is not noted', async () => {
  const problems = [problem('a', 'Prove that 1 holds.'), problem('b', '1+1=?'), problem('c', '1+2=?')];
  const note = ({ id }: Problem) =>
    id === 'c' ? undefined : { id, reason: 'worth a look', explanation: 'why', evidence: {} };
  const { kept, report } = await clean((log) =>
    withoutFindings(stream(problems), [findUnverifiable], log, [note]),
  );
  expect(kept).toEqual(['b', 'c']);
  expect(report).toMatchObject({ kept: 2, removed: { proof: 1 }, noted: { 'worth a look': 1 } });
});

test('compares arbitrary texts without errors', async () => {
  const texts = fc.array(
    fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\\frac{', '{{}}', '$$', '1,000')),
    {
      minLength: 1,
      maxLength: 5,
    },
  );
  await fc.assert(
    fc.asyncProperty(texts, async (contents) => {
      const problems = contents.map((content, i) => problem(`${i}`, content));
      const { kept, report } = await dedupOf([...problems, ...problems]);
      expect(new Set(kept).size).toBe(kept.length);
      expect(report.kept).toBe(kept.length);
      expect((await against(problems)).report.seen).toBe(problems.length);
    }),
    { numRuns: 100 },
  );
});

test('hostile texts take linear time', () => {
  const clock = startCpuClock();
  for (const part of [
    '(1) ',
    '{',
    '\\frac{',
    '-',
    '**',
    '1,000',
    '(1) x. (2) y? ',
    '$',
    'prove that ',
    '![',
    '\\text{a ',
  ]) {
    const text = part.repeat(30_000 / part.length);
    tokensOf(text);
    findUnverifiable(problem('p', text, text));
    findUnverifiable(problem('p', `${text}?`, `${part.repeat(70 / part.length)}x`));
  }
  expect(clock()).toBeLessThan(8000);
});
