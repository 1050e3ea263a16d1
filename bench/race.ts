/**
 * Trains every setting of a grid with supervised learning on families that the demo's model has never seen, and then
 * replays races on the recorded grid. Shows which early signals predict the learned and the retained accuracy, and how
 * much lower the accuracy of a race is than that of the complete grid.
 *
 *   npm run bench:race -- [--seeds 5] [--examples 3000] [--json]
 *
 * `target` is the accuracy on the new families, `retained` that on the families that the model was taught, both on
 * held-out problems with four attempts each. Signals are measured in the first 10 % of the steps. Correlations are over
 * the settings, with means over the seeds; there is one race per seed and aim. With `--json` the last line is JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { learningRateAt, optimizerConfig } from '../src/algorithms/optimizer.ts';
import { openEmbeddedEngine } from '../src/engines/embedded/engine.ts';
import type { LearningEngine } from '../src/engines/engine.ts';
import { evaluate } from '../src/evaluation/evaluate.ts';
import { families } from '../src/problems/families/catalogue.ts';
import {
  generated,
  generatedConfig,
  generateProblems,
  type Split,
} from '../src/problems/generated-source.ts';
import { suite, suiteConfig } from '../src/recipe/suite.ts';
import { mean } from '../src/statistics/summary.ts';
import { type Measures, signalTable, valueOf } from '../src/supervised/race/outcome.ts';
import { race } from '../src/supervised/race/race.ts';
import { raceConfig, type Trial, trialsOf } from '../src/supervised/race/race-config.ts';
import type { EarlySignals } from '../src/supervised/race/rung.ts';
import {
  meanLoss,
  planBatches,
  superviseStep,
  type SupervisedExample,
} from '../src/supervised/supervised.ts';
import { mathAnswer, mathConfig, openMathAnswer } from '../src/verifiers/math/verifier.ts';
import { taughtFamilies } from './taught-families.ts';

const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    examples: { type: 'string', default: '3000' },
    json: { type: 'boolean', default: false },
  },
});
const started = performance.now();
const taught = new Set<string>(taughtFamilies);
const mathFamilies = families.filter(({ domain }) => domain === 'math').map(({ name }) => name);
const [fresh, known] = [false, true].map((isKnown) =>
  mathFamilies.filter((name) => taught.has(name) === isKnown),
);
const draw = (
  names: readonly string[],
  split: Split,
  size: { count: number } | { perCell: number },
  seed = 0,
) => [
  ...generateProblems(generatedConfig.parse(generated({ families: names as never, split, seed, ...size }))),
];
const suites = {
  target: draw(fresh!, 'held-out', { perCell: 5 }),
  retained: draw(known!, 'held-out', { perCell: 3 }),
};
const sampling = suiteConfig.parse(suite({ name: 'held-out', maxTokens: 32, greedy: false }));
await using verifier = openMathAnswer(mathConfig.parse(mathAnswer({ extraction: 'boxed' })));
const examplesOf = (problems: ReturnType<typeof draw>): SupervisedExample[] =>
  problems.map(({ prompt, solution }) => ({ prompt, completion: solution! }));

const config = raceConfig.parse({
  sweep: { batchSize: [8, 32, 128], learningRate: [1e-4, 3e-4, 1e-3, 3e-3] },
});
const trials = trialsOf(config.sweep);

/** Signals of a trial at the rungs, and its accuracies at the end. */
interface TrialRecord {
  readonly name: string;
  readonly rungs: ReadonlyMap<number, EarlySignals>;
  readonly measures: Measures;
}

async function measure(engine: LearningEngine): Promise<Measures> {
  const accuracy = async (problems: ReturnType<typeof draw>): Promise<number> => {
    const options = { engine, verifierFor: () => verifier, problems, suite: sampling, seed: 0 };
    return (await evaluate(options)).overall.accuracy!.mean;
  };
  return { target: await accuracy(suites.target), retained: await accuracy(suites.retained) };
}

/** Trains a trial to the end, from the weights and the new optimizer in `base`. */
async function train(engine: LearningEngine, base: string, trial: Trial, seed: number): Promise<TrialRecord> {
  await engine.learner.loadState(base);
  const learned = examplesOf(draw(fresh!, 'train', { count: Number(flags.examples) }, seed));
  const heldOut = examplesOf(draw(fresh!, 'validation', { count: 200 }));
  const optimizer = optimizerConfig.parse({
    learningRate: trial.learningRate,
    beta2: 0.98,
    schedule: trial.schedule,
  });
  const { lastStep, batch } = planBatches(learned, { batchSize: trial.batchSize, epochs: 1, seed });
  const [losses, norms]: [number[], number[]] = [[], []];
  const rungs = new Map<number, EarlySignals>();
  for (let step = 1; step <= lastStep; step++) {
    const rate = learningRateAt(optimizer, step, lastStep);
    const { loss, gradNorm } = await superviseStep(engine, batch(step), rate, optimizer);
    losses.push(loss);
    norms.push(gradNorm!);
    for (const share of config.rungs) {
      if (step !== Math.max(1, Math.round(share * lastStep))) continue;
      rungs.set(share, {
        loss: mean(losses),
        gradNorm: mean(norms),
        rateToBatch: Math.log(trial.learningRate / trial.batchSize),
        heldOutLoss: await meanLoss(engine, heldOut),
        ...(await measure(engine)),
      });
    }
  }
  return { name: trial.name, rungs, measures: await measure(engine) };
}

const grids: TrialRecord[][] = [];
let before: Measures | undefined;
const folder = mkdtempSync(join(tmpdir(), 'gradus-race-'));
try {
  const model = fileURLToPath(new URL('../models/gradus-tiny', import.meta.url));
  await using engine = await openEmbeddedEngine({ model });
  const base = join(folder, 'base');
  await engine.learner.saveState(base);
  before = await measure(engine);
  for (let seed = 0; seed < Number(flags.seeds); seed++) {
    const grid: TrialRecord[] = [];
    for (const trial of trials) {
      const record = await train(engine, base, trial, seed);
      grid.push(record);
      const { target, retained } = record.measures;
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      console.log(
        `seed ${seed}, ${trial.name}: target ${percent(target)}, retained ${percent(retained)}; ${seconds} s in all`,
      );
    }
    grids.push(grid);
  }
} finally {
  rmSync(folder, { recursive: true });
}

function percent(rate: number): string {
  return (100 * rate).toFixed(1);
}

/** Returns means over seeds of the signals at a rung and of the measures. */
function meansOf(name: string) {
  const records = grids.map((grid) => grid.find((one) => one.name === name)!);
  const over = <Key extends string>(all: readonly Readonly<Partial<Record<Key, number>>>[]) =>
    Object.fromEntries(
      Object.keys(all[0]!).map((key) => [key, mean(all.map((one) => one[key as Key]!))]),
    ) as Record<Key, number>;
  const signals = over(records.map(({ rungs }) => rungs.get(config.rungs[0]!)!)) as unknown as EarlySignals;
  return { signals, measures: over<keyof Measures>(records.map(({ measures }) => measures)) };
}

const table = signalTable(trials.map(({ name }) => meansOf(name)));
const interval = ({ mean: rho, low, high }: { mean: number; low: number; high: number }): string =>
  `${rho.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
console.log(
  [
    '',
    `before: target ${percent(before.target)}, retained ${percent(before.retained)}`,
    '',
    '| signal of the first 10 % | target | retained |',
    '|---|---|---|',
    ...table.map(
      ({ signal, target, retained }) => `| ${signal} | ${interval(target)} | ${interval(retained)} |`,
    ),
  ].join('\n'),
);

console.log(
  '\n| race for | chosen | points lost to the grid, by seed | share of the grid | stopped wrongly |\n|---|---|---|---|---|',
);
const races = [];
for (const choose of ['target', 'retained', 'balanced'] as const) {
  const results = [];
  for (const [seed, grid] of grids.entries()) {
    const recordOf = ({ name }: Trial): TrialRecord => grid.find((one) => one.name === name)!;
    const raced = await race(
      { ...config, choose, seed },
      {
        reach: (trial, share) => Promise.resolve(recordOf(trial).rungs.get(share)!),
        finish: (trial) => Promise.resolve(recordOf(trial).measures),
      },
    );
    const best = Math.max(...grid.map(({ measures }) => valueOf(measures, choose)));
    const chosen = grid.find(({ name }) => name === raced.chosen)!;
    const shares = raced.trials.map(({ stoppedAt, isAudit }) => (isAudit ? 1 : (stoppedAt ?? 1)));
    const kept = raced.trials.filter(({ stoppedAt, isAudit }) => stoppedAt === null && !isAudit);
    const bestKept = Math.max(...kept.map(({ measures }) => valueOf(measures!, choose)));
    const wrong = raced.trials.filter(
      ({ name, stoppedAt }) =>
        stoppedAt !== null && valueOf(grid.find((one) => one.name === name)!.measures, choose) > bestKept,
    ).length;
    results.push({
      chosen: raced.chosen,
      lost: best - valueOf(chosen.measures, choose),
      share: mean(shares),
      wrong,
    });
  }
  races.push({ choose, results });
  const row = [
    choose,
    [...new Set(results.map(({ chosen }) => chosen))].join(', '),
    results.map(({ lost }) => percent(lost)).join(', '),
    `${percent(mean(results.map(({ share }) => share)))} %`,
    results.map(({ wrong }) => wrong).join(', '),
  ];
  console.log(`| ${row.join(' | ')} |`);
}
if (flags.json)
  console.log(
    JSON.stringify({
      before,
      grids: grids.map((grid) => grid.map(({ rungs, ...one }) => ({ ...one, rungs: [...rungs] }))),
      races,
    }),
  );
