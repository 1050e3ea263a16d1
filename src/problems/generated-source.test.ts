import { expect, test } from 'vitest';
import { generateProblems, generated, generatedConfig, splitOf, type Split } from './generated-source.ts';

const draw = (options: Parameters<typeof generated>[0]) => [
  ...generateProblems(generatedConfig.parse(generated(options))),
];
const questionsOf = (split: Split, seed: number): Set<string> =>
  new Set(draw({ perCell: 8, seed, split }).map(({ prompt }) => prompt[0]!.content));

test('splits are disjoint for all seeds', () => {
  const [train, validation, heldOut] = [
    questionsOf('train', 1),
    questionsOf('validation', 2),
    questionsOf('held-out', 1),
  ];
  const total = train.size + validation.size + heldOut.size;
  expect(new Set([...train, ...validation, ...heldOut]).size).toBe(total);
  for (const question of train) expect(splitOf(question)).toBe('train');
  for (const question of heldOut) expect(splitOf(question)).toBe('held-out');
});

test('each split has the expected share of all questions', () => {
  const splits = Array.from({ length: 10_000 }, (_, i) => splitOf(`${i}+1=?`));
  const share = (split: Split): number => splits.filter((one) => one === split).length / splits.length;
  expect(share('train')).toBeCloseTo(0.7, 1);
  expect(share('validation')).toBeCloseTo(0.1, 1);
  expect(share('held-out')).toBeCloseTo(0.2, 1);
});

test('each cell contains the requested number of distinct questions, with distinct and stable ids', () => {
  const problems = draw({ perCell: 12, seed: 4, split: 'held-out' });
  expect(new Set(problems.map(({ id }) => id)).size).toBe(problems.length);
  expect(new Set(problems.map(({ prompt }) => prompt[0]!.content)).size).toBe(problems.length);
  const cells = Object.values(Object.groupBy(problems, ({ family, knob }) => `${family}/${knob}`));
  expect(cells.length).toBeGreaterThanOrEqual(14 * 6);
  expect(cells.every((cell) => cell!.length === 12)).toBe(true);
  expect(draw({ perCell: 12, seed: 4, split: 'held-out' })).toEqual(problems);
  expect(draw({ perCell: 12, seed: 5, split: 'held-out' })).not.toEqual(problems);
});

test('families, domain and knobs select the cells; the instruction is added', () => {
  const [problem, ...others] = draw({
    domain: 'code',
    families: ['linear-function', 'addition'],
    knobs: [3],
    perCell: 1,
    split: 'train',
    instruction: 'Answer with a function named f.',
    system: 'Write JavaScript.',
  });
  expect(others).toEqual([]);
  expect(problem).toMatchObject({ domain: 'code', family: 'linear-function', knob: 3, source: 'generated' });
  expect(problem!.prompt[0]).toEqual({ role: 'system', content: 'Write JavaScript.' });
  expect(problem!.prompt[1]!.content).toMatch(/^f\(\d.*\nAnswer with a function named f\.$/);
  const [sum] = draw({
    families: ['addition'],
    perCell: 1,
    split: 'train',
    wordings: 'held-out',
    instruction: 'Box it.',
  });
  expect(sum!.wordings).toHaveLength(3);
  expect(sum!.wordings![0]![0]!.content).toMatch(/^y: \d+\+\d+=\?\nBox it\.$/);
  expect(() => draw({ domain: 'code', families: ['addition'], perCell: 1, split: 'train' })).toThrow(
    'no family matches the settings',
  );
});

test('the error for a cell with too few questions gives their number', () => {
  const tooMany = { families: ['addition'], knobs: [1], perCell: 500, split: 'held-out' } as const;
  expect(() => draw(tooMany as never)).toThrow(
    /expected 500 distinct held-out questions of addition knob 1, found \d\d /,
  );
});

test('spreads a count evenly; exhausted cells contribute all their questions', () => {
  const all = draw({ families: ['addition', 'brackets'], knobs: [1, 6], count: 600, split: 'held-out' });
  const sizes = Object.values(Object.groupBy(all, ({ family, knob }) => `${family}/${knob}`)).map(
    (cell) => cell!.length,
  );
  expect(all.length).toBe(600);
  expect(sizes.length).toBe(4);
  expect(Math.min(...sizes)).toBeLessThan(120);
  expect(Math.max(...sizes)).toBeLessThan(260);
  expect(() => draw({ families: ['addition'], knobs: [1], count: 600, split: 'held-out' })).toThrow(
    /expected 600 distinct held-out questions, found \d\d /,
  );
});

test('the schema rejects unknown families, splits and amounts', () => {
  expect(
    generatedConfig.safeParse(generated({ families: ['adition'], perCell: 1, split: 'train' })).success,
  ).toBe(false);
  expect(generatedConfig.safeParse({ type: 'generated', perCell: 1, split: 'test' }).success).toBe(false);
  expect(generatedConfig.safeParse(generated({ split: 'train' })).error?.message).toContain(
    'perCell or count',
  );
});
