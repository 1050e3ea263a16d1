import type { BetaShape } from '../../src/statistics/beta.ts';
import { type Cut, equalBands, neverSometimesAlways } from '../../src/difficulty/probing/cut-points.ts';
import {
  createDriftModel,
  type Drift,
  driftConfig,
  learnStart,
  startTuning,
} from '../../src/difficulty/drift/drift.ts';
import { probingTuning, type ProbingTuning } from '../../src/difficulty/probing/tuning.ts';
import type { Population, TraceProblem } from './data.ts';
import { driftLosses } from './drift.ts';
import { adaptive, fixed, rolloutsFor } from './methods.ts';

/** Cost of a setting relative to the current one. */
interface Cost {
  readonly setting: string;
  /** Rollouts at the error of fixed k = 16, divided by those of the setting in use; null: never reached. */
  readonly [question: string]: string | number | null;
}

const questions: readonly (readonly [string, readonly Cut[]])[] = [
  ['never/sometimes/always', neverSometimesAlways],
  ['5 bands', equalBands(5)],
];

/** The k of the fixed method whose error defines the comparison. */
const comparedAt = 16;

/** Variants of adaptive probing, with one constant changed at a time. */
const variants: readonly (readonly [string, Partial<ProbingTuning>])[] = [
  ['in use', {}],
  ...[5, 7, 13, 25].map((count) => [`${count} even shapes`, { shapes: evenShapes(count) }] as const),
  ['shared belief 3', { sharedBelief: { informed: 5, others: 3 } }],
  ['shared belief 10', { sharedBelief: { informed: 5, others: 10 } }],
  ['shared belief 100', { sharedBelief: { informed: 5, others: 100 } }],
  ['rounds 50, 20', { rounds: { all: 50, group: 20 } }],
  ['rounds 800, 320', { rounds: { all: 800, group: 320 } }],
  ['no pilot', { pilot: { ...probingTuning.pilot, most: 0 } }],
  ['pilot one in 20', { pilot: { ...probingTuning.pilot, oneIn: 20 } }],
  ['pilot one in 200', { pilot: { ...probingTuning.pilot, oneIn: 200 } }],
  ['one group', { groups: { ...probingTuning.groups, most: 1 } }],
  ['groups of 50', { groups: { ...probingTuning.groups, fewest: 50 } }],
  ['groups of 200', { groups: { ...probingTuning.groups, fewest: 200 } }],
  ['at most 12 groups', { groups: { ...probingTuning.groups, most: 12 } }],
  ['1 band per strip', { groups: { ...probingTuning.groups, bandsPerStrip: 1 } }],
  ['6 bands per strip', { groups: { ...probingTuning.groups, bandsPerStrip: 6 } }],
  ['checkpoint after every attempt', { checkpointGrowth: 0 }],
  ['checkpoints, each half larger', { checkpointGrowth: 1 / 2 }],
  ['checkpoints, each twice as large', { checkpointGrowth: 1 }],
];

/**
 * Prints the cost of other values of the constants on a population: rollouts at the error of fixed k = 16 as a ratio
 * to the setting in use, the mean coverage of 95 % intervals, and the number of waves.
 */
export function compareTunings(population: Population): readonly Cost[] {
  const inUse = new Map<string, number>();
  const rows = variants.map(([setting, changed]): Cost => {
    const tuning = { ...probingTuning, ...changed };
    const costs = questions.flatMap(([question, cuts]) => {
      const { error } = fixed(population, cuts, comparedAt);
      const confidences = [1.25, 1.05, 0.95, 0.8].map((factor) => 1 - Math.min(0.6, error * factor));
      const points = adaptive(population, cuts, confidences, undefined, tuning);
      const rollouts = rolloutsFor(points, error);
      if (setting === 'in use') inUse.set(question, rollouts);
      const ratio = rollouts / inUse.get(question)!;
      const coverage = points.reduce((sum, point) => sum + point.coverage!, 0) / points.length;
      const waves = points.reduce((sum, point) => sum + point.waves!, 0) / points.length;
      return [
        [question, Number.isNaN(ratio) ? null : Number(ratio.toFixed(3))],
        [`${question}, coverage`, Number((100 * coverage).toFixed(1))],
        [`${question}, waves`, Number(waves.toFixed(1))],
      ] as const;
    });
    const row = { setting, ...Object.fromEntries(costs) };
    console.log(`${population.name}: ${JSON.stringify(row)}`);
    return row;
  });
  console.log(`\n${population.name} (${population.ids.length} problems): cost of other constants`);
  console.table(rows);
  return rows;
}

const drifts: readonly (readonly [string, Partial<Drift>])[] = [
  ['in use', {}],
  ['volatility 0.06', { volatility: 0.06 }],
  ['volatility 0.24', { volatility: 0.24 }],
  ['trend 0', { trend: 0 }],
  ['trend 0.06', { trend: 0.06 }],
  ['no leaps', { leapShare: 0 }],
  ['leaps twice as often', { leapShare: 0.04 }],
  ['leaps half as far', { leap: 2 }],
  ['leaps twice as far', { leap: 8 }],
];

const starts: readonly (readonly [string, Partial<typeof startTuning>])[] = [
  ['start: 10 rounds', { rounds: 10 }],
  ['start: 160 rounds', { rounds: 160 }],
  ['start: floor 0.005', { floor: 0.005 }],
  ['start: floor 0.5', { floor: 0.5 }],
];

/**
 * Returns the log-loss of the next visit under other drift parameters, on the odd rows of the trace; the starting
 * belief is fitted to the even rows.
 */
export function compareDriftTunings(trace: readonly TraceProblem[]): readonly Cost[] {
  const visitsOf = (part: number) => trace.filter((_, i) => i % 2 === part).map(({ visits }) => visits);
  const first = visitsOf(0).map(([successes]) => ({ successes: successes!, trials: 8 }));
  const testing = visitsOf(1);
  const lossUnder = (changed: Partial<Drift>, start: Partial<typeof startTuning> = {}): number => {
    const model = createDriftModel(
      { ...driftConfig.parse({}), ...changed },
      learnStart(first, { ...startTuning, ...start }),
    );
    const losses = testing.flatMap((visits) => driftLosses(visits, model));
    return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  };
  const rows = [
    ...drifts.map(([setting, changed]) => ({ setting, 'log-loss': lossUnder(changed) })),
    ...starts.map(([setting, start]) => ({ setting, 'log-loss': lossUnder({}, start) })),
  ].map((row) => ({ ...row, 'log-loss': Number(row['log-loss'].toFixed(4)) }));
  console.log(
    `\nRL trace, log-loss of the next visit (${testing.length} problems), with other drift constants:`,
  );
  console.table(rows);
  return rows;
}

/** Returns Beta shapes whose means are evenly spaced in log-odds from 0.2 % to 99.8 %, each about as wide as the
 * spacing. */
function evenShapes(count: number): BetaShape[] {
  const widest = Math.log(500);
  const spacing = (2 * widest) / (count - 1);
  return Array.from({ length: count }, (_, i) => {
    const mean = 1 / (1 + Math.exp(widest - i * spacing));
    // The variance of a Beta's log-odds is about 1 / (ν · mean · (1 − mean)), with ν = alpha + beta.
    return { alpha: 1 / (spacing ** 2 * (1 - mean)), beta: 1 / (spacing ** 2 * mean) };
  });
}
