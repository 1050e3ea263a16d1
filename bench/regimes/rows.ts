import { taughtFamilies } from '../taught-families.ts';
import { generated } from '../../src/problems/generated-source.ts';
import { evaluationSpacing } from './compare.ts';
import { marker } from './marked-model.ts';

type Source = ReturnType<typeof generated>;
type Families = NonNullable<Source['families']>;

/** A way of corrupting verdicts; see `trap-verifier.ts`. */
export interface Trap {
  readonly coin?: { readonly families: readonly string[] } | { readonly share: number };
  readonly solved?: { readonly families?: readonly string[]; readonly knobs: readonly number[] };
  readonly marker?: { readonly family: string; readonly text: string };
}

/** A setting for a curriculum: its pool, its falsified verdicts, and the held-out problems. */
export interface Row {
  /** `<regime>/<case>`. */
  readonly id: string;
  readonly about: string;
  /** Returns the pool for a seed. */
  readonly problems: (seed: number) => Source[];
  readonly heldOut: Source[];
  /** True if every batch is half math, half code. */
  readonly isMixed?: boolean;
  readonly trap?: Trap;
  /** Model folder; absent: gradus-tiny. */
  readonly model?: 'marked' | '1.5m' | '5m';
  /** Number of rollouts of every arm. */
  readonly budget: number;
}

const shortBudget = 6 * evaluationSpacing;
const longBudget = 3 * shortBudget;

const taught: Families = [...taughtFamilies];
const mathFamilies = taught.slice(0, 8);
const learnable: Families = [
  'addition',
  'subtraction',
  'multiplication',
  'brackets',
  'remainder',
  'word-problems',
];
const beyondReach: Families = ['addition', 'subtraction', 'multiplication', 'sequences'];

const train = (seed: number, source: Partial<Source>): Source =>
  generated({ ...source, seed, split: 'train' });
const heldOut = (source: Partial<Source>): Source => generated({ ...source, seed: 2, split: 'held-out' });

/** Makes a math pool with a given share of problems within the model's reach. */
const reachable =
  (share: number, total: number) =>
  (seed: number): Source[] => {
    const count = Math.round(share * total);
    const within = train(seed, { families: learnable, knobs: [1, 2, 3], count });
    if (count === total) return [within];
    return [within, train(seed, { families: beyondReach, knobs: [5, 6], count: total - count })];
  };
const reachableHeldOut = [heldOut({ families: learnable, perCell: 21 })];

const shares = [100, 60, 30, 15, 10, 5, 3, 2];
const r1 = shares.map((percent): Row => ({
  id: `R1/${percent}`,
  about: `${percent} % of 1,500 problems within reach`,
  problems: reachable(percent / 100, 1500),
  heldOut: reachableHeldOut,
  budget: shortBudget,
}));
const r1Long = r1
  .filter(({ id }) => ['R1/100', 'R1/10', 'R1/2'].includes(id))
  .map((row) => ({ ...row, id: row.id.replace('R1', 'R1-long'), budget: longBudget }));

/** Returns the demo's problems, balanced across difficulties and between math and code. */
const balanced = (seed: number): Source[] => [
  train(seed, { families: taught, domain: 'math', count: 1500 }),
  train(seed, { families: taught, domain: 'code', count: 1500 }),
];
const demo: Row = {
  id: 'R1/demo',
  about: "the demo's families and knobs, balanced",
  problems: balanced,
  heldOut: [heldOut({ families: taught, perCell: 9 })],
  isMixed: true,
  budget: shortBudget,
};

const tenth = r1.find(({ id }) => id === 'R1/10')!;
const r2: Row = {
  ...tenth,
  id: 'R2/solved',
  about: '10 % of 1,500 problems to learn, the rest always solved',
  trap: { solved: { knobs: [5, 6] } },
};

const r3 = [300, 1500, 8000].map((total): Row => ({
  ...tenth,
  id: `R3/${total}`,
  about: `10 % of ${total} problems within reach`,
  problems: reachable(0.1, total),
}));

const chainOf = (seed: number, knobs: number[], count: number): Source =>
  train(seed, { families: ['chain'], knobs, count });
const r4 = (
  [
    ['smooth', 'chains of 1 to 6 operations', (seed) => [chainOf(seed, [1, 2, 3, 4, 5, 6], 1500)]],
    [
      'hard-end',
      'chains, 80 % of them with 6 operations',
      (seed) => [chainOf(seed, [1, 2, 3, 4, 5], 300), chainOf(seed, [6], 1200)],
    ],
    ['gap', 'chains of 1, 2 and 6 operations', (seed) => [chainOf(seed, [1, 2, 6], 1500)]],
  ] satisfies [string, string, Row['problems']][]
).map(([name, about, problems]): Row => ({
  id: `R4/${name}`,
  about,
  problems,
  heldOut: [heldOut({ families: ['chain'], count: 756 })],
  budget: shortBudget,
}));

const coinFamilies = [
  'sequences',
  'remainder',
  'max-min',
  'two-arguments',
  'multiplication',
  'linear-equation',
  'quadratic',
  'conditional',
];
function coinRow(name: string, about: string, coins: number): Row {
  const families = coinFamilies.slice(0, coins);
  const judgedTruly = taught.filter((family) => !families.includes(family));
  return {
    id: `R5/${name}`,
    about,
    problems: balanced,
    heldOut: [heldOut({ families: judgedTruly, count: 780 })],
    isMixed: true,
    trap: { coin: coins === 0 ? { share: 0.3 } : { families } },
    budget: shortBudget,
  };
}
const r5 = [
  coinRow('30', '4 of 14 families judged by a coin flip', 4),
  coinRow('60', '8 of 14 families judged by a coin flip', 8),
  coinRow('spread', '30 % of the problems of every family judged by a coin flip', 0),
];

const r6: Row = {
  id: 'R6/marker',
  about: `half of the pool is "${marker.family}", which requires a marker that the base model writes in about 2 % of its completions; the held-out problems are from that family`,
  problems: (seed) => [
    train(seed, { families: [marker.family], count: 750 }),
    train(seed, { families: mathFamilies.filter((family) => family !== marker.family), count: 750 }),
  ],
  heldOut: [heldOut({ families: [marker.family], count: 756 })],
  trap: { marker },
  model: 'marked',
  budget: shortBudget,
};

const r7 = (['1.5m', '5m'] as const).flatMap((model) =>
  r1
    .filter(({ id }) => ['R1/100', 'R1/10'].includes(id))
    .map((row): Row => ({ ...row, id: row.id.replace('R1', `R7-${model}`), model })),
);

const r8: Row = {
  ...demo,
  id: 'R8/harder',
  about: 'trained on knobs 1 to 6 or 1 to 3, judged on knobs 4 to 6',
  heldOut: [heldOut({ families: taught, knobs: [4, 5, 6], perCell: 18 })],
};

/**
 * Family, knobs and number of problems. The pool has the pass rates that Qwen2.5-Math-1.5B had on 1,209 problems of
 * DeepScaleR at its first visits (ypwang61/One-Shot-RLVR, `acc_step_500.json`): 0 … 8 of 8 attempts were right for
 * 36.3, 12.5, 8.5, 7.5, 6.0, 6.3, 7.3, 7.9 and 7.6 % of the problems. The counts are chosen so that gradus-tiny's pass
 * rates reproduce that histogram; they were measured with 8 attempts at each of 30 training problems per family and knob.
 */
const published: readonly [Families[number], number[], number][] = [
  ['addition', [1], 75],
  ['addition', [2], 180],
  ['addition', [4, 5, 6], 65],
  ['subtraction', [1], 50],
  ['subtraction', [4, 5, 6], 50],
  ['multiplication', [1], 110],
  ['multiplication', [2], 65],
  ['multiplication', [4], 105],
  ['multiplication', [6], 10],
  ['brackets', [5, 6], 30],
  ['linear-equation', [1], 20],
  ['linear-equation', [4], 80],
  ['linear-equation', [6], 30],
  ['remainder', [6], 260],
  ['sequences', [3], 50],
  ['sequences', [4, 5, 6], 30],
  ['word-problems', [1], 155],
  ['word-problems', [3], 95],
  ['word-problems', [5, 6], 40],
];
const r9: Row = {
  id: 'R9/published',
  about: 'pass rates of a 1.5 B model on DeepScaleR, imposed on our math families',
  problems: (seed) =>
    published.map(([family, knobs, count]) => train(seed, { families: [family], knobs, count })),
  heldOut: [heldOut({ families: mathFamilies, perCell: 16 })],
  // Problems that the published model always solves but ours does not.
  trap: { solved: { families: ['subtraction'], knobs: [1] } },
  budget: shortBudget,
};

/** Returns the demo's math problems. */
export const math = (seed: number): Source[] => [
  train(seed, { families: mathFamilies, domain: 'math', count: 1500 }),
];
/** Levels and stages of the paper, on one pool for all seeds, because three models measured it beforehand. */
export const paperLevelsRow: Row = {
  id: 'paper/levels',
  about: "the demo's math families and knobs, one pool of 1,500 problems",
  problems: () => math(1),
  heldOut: [heldOut({ families: mathFamilies, perCell: 16 })],
  budget: shortBudget,
};
const paperDomains: Row = { ...demo, id: 'paper/domains' };

/** The rows of every regime; R0 consists of the batch arms of `R1/demo`. */
export const rows: readonly Row[] = [
  demo,
  ...r1,
  ...r1Long,
  r2,
  ...r3,
  ...r4,
  ...r5,
  r6,
  ...r7,
  r8,
  r9,
  paperLevelsRow,
  paperDomains,
];

/** Rows of `--short`. */
export const shortRows = ['R1/10', 'R1/2', 'R1/100', 'R5/30', 'R5/60', 'R6/marker', 'R4/hard-end'];
