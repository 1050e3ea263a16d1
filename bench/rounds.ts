/**
 * Measures, with the demo's model, whether alternating imitation of the policy's own correct attempts with
 * reinforcement learning beats either alone:
 *
 *   npm run bench:rounds -- [--seeds 5] [--rollouts 7680] [--arms rounds,…] [--json]
 *
 * Every arm writes the same number of rollouts, including harvests. `rl`: reinforcement learning alone. `sft`: three
 * harvests, each followed by imitation that starts from the base weights (expert iteration). `rounds`: three rounds,
 * each of a harvest, imitation that starts from the current weights, and reinforcement learning. `rounds base`: the
 * same, but imitation starts from the base weights. `rounds shortest`: `rounds base` with the shortest correct attempt
 * of each problem in place of a random one; not run by default.
 *
 * Accuracies are from the last evaluation; at equal tokens, they are interpolated at the cheapest arm's count.
 * Intervals are 95 % t-intervals over seeds; differences are paired by seed. With `--json` the last line is JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Recipe, RecipeInput } from 'gradus';
import { adamw, defineRecipe, harvest, imitate, rounds, stage } from 'gradus';
import type { Evaluation } from '../src/evaluation/evaluate.ts';
import { loadRecipe } from '../src/recipe/load.ts';
import { readCurves } from '../src/evaluation/learning-curve.ts';
import { openRunReader } from '../src/runs/reading/run-reader.ts';
import { tInterval } from '../src/statistics/intervals.ts';
import { startTraining } from '../src/training/start.ts';

const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    rollouts: { type: 'string', default: '7680' },
    arms: { type: 'string', default: 'rl,sft,rounds,rounds base' },
    json: { type: 'boolean', default: false },
  },
});

const count = 3;
const attempts = 4;
const stepRollouts = 32 * 8;
const perRound = Number(flags.rollouts) / count;
/** Steps of reinforcement learning in a round with a harvest; the harvest takes the rest, about half. */
const roundSteps = Math.floor(perRound / 2 / stepRollouts);

type Choose = 'random' | 'shortest';

const copy = (n: number, problems: number, start: 'base' | 'current', choose: Choose = 'random') =>
  imitate(`write-up ${n}`, {
    examples: harvest({ problems, rollouts: attempts, choose }),
    start,
    epochs: 2,
    optimizer: adamw({ learningRate: 3e-4, beta2: 0.98 }),
  });
const explore = (n: number, maxSteps: number) =>
  stage(`explore ${n}`, { mix: { math: 1, code: 1 }, maxSteps });
const inRounds = (start: 'base' | 'current', choose?: Choose): RecipeInput['stages'] => {
  const problems = (perRound - roundSteps * stepRollouts) / attempts;
  return rounds<RecipeInput['stages'][number]>(count, (n) => [
    copy(n, problems, start, choose),
    explore(n, roundSteps),
  ]);
};

const stagesOf: Readonly<Record<string, () => RecipeInput['stages']>> = {
  rl: () => [explore(1, Number(flags.rollouts) / stepRollouts)],
  sft: () => rounds(count, (n) => [copy(n, perRound / attempts, 'base')]),
  rounds: () => inRounds('current'),
  'rounds base': () => inRounds('base'),
  'rounds shortest': () => inRounds('base', 'shortest'),
};
const arms = flags.arms.split(',');
const demo = await loadRecipe(fileURLToPath(new URL('../recipes/demo/recipe.ts', import.meta.url)));
const [suite] = demo.evaluation;
/** Use five held-out problems of each family and knob; the demo uses nine. */
const [source] = suite!.problems;
if (source?.type !== 'generated')
  throw new Error(`expected generated problems in the suite of the demo, got ${source?.type ?? 'none'}`);
const heldOut = { ...source, perCell: 5 };

function recipeOf(arm: string, seed: number): Recipe {
  return defineRecipe({
    ...demo,
    name: arm.replaceAll(' ', '-'),
    seed,
    stages: stagesOf[arm]!(),
    evaluation: [{ ...suite!, every: 15, problems: [heldOut] }],
  });
}

/** Accuracies and pass@4 in percent, and their cost. */
interface ArmResult {
  readonly sampled: number;
  readonly greedy: number;
  readonly passAt4: number;
  readonly rollouts: number;
  readonly tokens: number;
  readonly seconds: number;
  /** Sampled accuracy by tokens written, in order. */
  readonly curve: readonly { readonly tokens: number; readonly sampled: number }[];
}

async function runArm(arm: string, seed: number): Promise<ArmResult> {
  const folder = mkdtempSync(join(tmpdir(), 'gradus-rounds-'));
  const started = performance.now();
  try {
    const directory = await startTraining(recipeOf(arm, seed), folder);
    const seconds = (performance.now() - started) / 1000;
    using run = await openRunReader(directory);
    const points = readCurves(run).get('held-out')!;
    const { overall } = run.evaluations().at(-1)!.result as Evaluation;
    const { rollouts, tokens } = points.at(-1)!;
    return {
      sampled: 100 * overall.accuracy!.mean,
      greedy: 100 * overall.greedy!.mean,
      passAt4: 100 * overall.passAt[4]!,
      rollouts,
      tokens,
      seconds,
      curve: points.map((point) => ({ tokens: point.tokens, sampled: 100 * point.overall })),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type SeedResults = Readonly<Record<string, ArmResult>>;

const results: SeedResults[] = [];
for (let seed = 0; seed < Number(flags.seeds); seed++) {
  const bySeed: Record<string, ArmResult> = {};
  for (const arm of arms) {
    const result = await runArm(arm, seed);
    bySeed[arm] = result;
    const { sampled, greedy, rollouts, tokens, seconds } = result;
    console.log(
      `seed ${seed}, ${arm}: avg@4 ${sampled.toFixed(1)}, greedy ${greedy.toFixed(1)} after ${rollouts} rollouts, ${tokens} tokens; ${seconds.toFixed(0)} s`,
    );
  }
  results.push(bySeed);
}

/** Returns the accuracy at the cheapest arm's number of tokens, interpolated between the neighbouring evaluations. */
function atEqualTokens(bySeed: SeedResults, arm: string): number {
  const limit = Math.min(...arms.map((one) => bySeed[one]!.tokens));
  const { curve } = bySeed[arm]!;
  const at = curve.findLastIndex(({ tokens }) => tokens <= limit);
  const [before, after] = [curve[at]!, curve[at + 1]];
  if (after === undefined) return before.sampled;
  const share = (limit - before.tokens) / (after.tokens - before.tokens);
  return before.sampled + share * (after.sampled - before.sampled);
}
const figures: Readonly<Record<string, (bySeed: SeedResults, arm: string) => number>> = {
  'avg@4': (bySeed, arm) => bySeed[arm]!.sampled,
  'avg@4, equal tokens': atEqualTokens,
  greedy: (bySeed, arm) => bySeed[arm]!.greedy,
  'pass@4': (bySeed, arm) => bySeed[arm]!.passAt4,
};

/** Formats the mean over seeds with its interval; with one seed, only the value. */
function cell(values: readonly number[], sign = ''): string {
  const signed = (value: number): string => `${value >= 0 ? sign : ''}${value.toFixed(1)}`;
  if (values.length === 1) return signed(values[0]!);
  const { mean, low, high } = tInterval(values);
  return `${signed(mean)} [${signed(low)}, ${signed(high)}]`;
}

const names = Object.keys(figures);
const rowOf = (arm: string): string =>
  [arm, ...names.map((name) => cell(results.map((bySeed) => figures[name]!(bySeed, arm))))].join(' | ');
const differenceRow = (arm: string, base: string): string =>
  [
    `${arm} − ${base}`,
    ...names.map((name) =>
      cell(
        results.map((bySeed) => figures[name]!(bySeed, arm) - figures[name]!(bySeed, base)),
        '+',
      ),
    ),
  ].join(' | ');
const pairs = arms
  .filter((arm) => arm.startsWith('rounds'))
  .flatMap((arm) => ['sft', 'rl'].filter((base) => arms.includes(base)).map((base) => [arm, base] as const));

console.log(
  [
    '',
    `| held-out, in % | ${names.join(' | ')} |`,
    `|---|${names.map(() => '---|').join('')}`,
    ...[...arms.map(rowOf), ...pairs.map(([arm, base]) => differenceRow(arm, base))].map(
      (row) => `| ${row} |`,
    ),
  ].join('\n'),
);
if (flags.json) console.log(JSON.stringify(results));
