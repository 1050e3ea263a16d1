/**
 * Measures, with the demo's model, how much groups across several wordings of a problem gain over groups that use only
 * its own prompt:
 *
 *   npm run bench:wordings -- [--seeds 5] [--steps 40] [--read 120] [--arms one,across] [--json]
 *
 * The model first imitates worked solutions to problems in the training wordings, once for all seeds. From these
 * weights, `one` trains by reinforcement on the problems' own prompts, and `across` on groups over four wordings, with
 * the same number of rollouts. Evaluation problems are held out; no training uses the unseen wordings.
 *
 * Intervals are 95 % t-intervals over seeds, differences are paired by seed. With `--json` the last line is JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { defineRecipe, type Recipe, type RecipeInput } from 'gradus';
import type { Evaluation } from '../src/evaluation/evaluate.ts';
import { loadRecipe } from '../src/recipe/load.ts';
import { exportedModel } from '../src/runs/files/layout.ts';
import { openRunReader } from '../src/runs/reading/run-reader.ts';
import { tInterval } from '../src/statistics/intervals.ts';
import { startTraining } from '../src/training/start.ts';

const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '40' },
    read: { type: 'string', default: '120' },
    arms: { type: 'string', default: 'one,across' },
    json: { type: 'boolean', default: false },
  },
});
const started = performance.now();
const base = await loadRecipe(fileURLToPath(new URL('../recipes/wordings/recipe.ts', import.meta.url)));
const [read, solve] = base.stages as [RecipeInput['stages'][number], RecipeInput['stages'][number]];
const wordingsOf: Readonly<Record<string, number>> = { one: 1, two: 2, across: 4 };
const arms = flags.arms.split(',');

/** Figures of a model in percent, by the wordings of the suite. */
type Figures = Readonly<Record<string, number>>;

async function train(
  recipe: Recipe,
  folder: string,
): Promise<{ model: string; before: Figures; after: Figures }> {
  const directory = await startTraining(recipe, folder);
  using run = await openRunReader(directory);
  const at = (step: number): Figures =>
    Object.assign(
      {},
      ...run
        .evaluations()
        .filter((evaluation) => evaluation.step === step)
        .map(({ name, result }) => figuresOf(name.split(' ')[0]!, result as Evaluation)),
    ) as Figures;
  const { step } = run.evaluations().at(-1)!;
  return { model: exportedModel(directory)!, before: at(0), after: at(step) };
}

function figuresOf(suite: string, { robustness }: Evaluation): Figures {
  const [sampled, greedy] = [robustness!.sampled!, robustness!.greedy!];
  return {
    [`${suite}: others`]: 100 * sampled.others,
    [`${suite}: others, greedy`]: 100 * greedy.others,
    [`${suite}: right in all, greedy`]: 100 * greedy.rightInAll.mean,
    [`${suite}: change, greedy`]: 100 * greedy.change.mean,
    ...(suite === 'seen' && { 'own prompt': 100 * sampled.own, 'own prompt, greedy': 100 * greedy.own }),
  };
}

const results: Readonly<Record<string, Figures>>[] = [];
const folder = mkdtempSync(join(tmpdir(), 'gradus-wordings-'));
try {
  const reading = { ...read, maxSteps: Number(flags.read) } as typeof read;
  const start = await train(defineRecipe({ ...base, name: 'read', stages: [reading] }), folder);
  console.log(`read: unseen ${start.after['unseen: others']!.toFixed(1)}; ${seconds()} s in all`);
  for (let seed = 0; seed < Number(flags.seeds); seed++) {
    const bySeed: Record<string, Figures> = { base: start.before, read: start.after };
    for (const arm of arms) {
      const solving = { ...solve, wordings: wordingsOf[arm]!, maxSteps: Number(flags.steps) } as typeof solve;
      const policy = { ...base.policy, model: start.model };
      const recipe = defineRecipe({ ...base, seed, name: arm, policy, stages: [solving] });
      bySeed[arm] = (await train(recipe, folder)).after;
      const { 'unseen: others': unseen, 'own prompt': own } = bySeed[arm];
      console.log(
        `seed ${seed}, ${arm}: unseen ${unseen!.toFixed(1)}, own ${own!.toFixed(1)}; ${seconds()} s in all`,
      );
    }
    results.push(bySeed);
  }
} finally {
  rmSync(folder, { recursive: true });
}

function seconds(): string {
  return ((performance.now() - started) / 1000).toFixed(0);
}

/** Formats the mean over seeds with its interval; with one seed, only the value. */
function cell(values: readonly number[], sign = ''): string {
  const signed = (value: number): string => `${value >= 0 ? sign : ''}${value.toFixed(1)}`;
  if (values.length === 1) return signed(values[0]!);
  const { mean, low, high } = tInterval(values);
  return `${signed(mean)} [${signed(low)}, ${signed(high)}]`;
}

const columns = ['base', 'read', ...arms];
const [first, ...others] = arms;
const rows = Object.keys(results[0]!['base']!).map((name) => [
  name,
  ...columns.map((arm) => cell(results.map((bySeed) => bySeed[arm]![name]!))),
  ...others.map((arm) =>
    cell(
      results.map((bySeed) => bySeed[arm]![name]! - bySeed[first!]![name]!),
      '+',
    ),
  ),
]);
const head = ['held-out problems, in %', ...columns, ...others.map((arm) => `${arm} − ${first}`)];
console.log(
  [
    `\n| ${head.join(' | ')} |`,
    `|${'---|'.repeat(head.length)}`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n'),
);
if (flags.json) console.log(JSON.stringify(results));
