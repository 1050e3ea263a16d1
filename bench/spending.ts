/**
 * Compares two ways of spending tokens on a trained model: more answers per problem, and more training.
 *
 *   npm run bench:spending -- runs/demo-0001 [more runs] [--steps 140] [--budgets 4,16,64] [--perCell 9] [--json]
 *
 * For each run, the policy of its recipe's last stage trains for `--steps` more steps from the run's model, with another
 * seed. Its suite is evaluated before and after with majority votes and with best of N by the policy's own confidence.
 * Greedy decoding and a single answer are counted as equally long. Intervals are 95 % bootstrap intervals over problems,
 * paired by problem. `break-even` is the number of answered problems above which the training costs fewer tokens than
 * the additional answers. Several runs also get a table of means, with 95 % t-intervals over runs. With `--json` the last
 * line is JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Evaluation } from '../src/evaluation/evaluate.ts';
import { readCurves } from '../src/evaluation/learning-curve.ts';
import { locateModel } from '../src/models/open-model.ts';
import { readRunRecipe } from '../src/recipe/read-run-recipe.ts';
import { openRunReader } from '../src/runs/reading/run-reader.ts';
import { sum } from '../src/statistics/summary.ts';
import { startTraining } from '../src/training/start.ts';
import { choiceRows } from './spending/choices.ts';
import { formatMeans, formatSpending, type Spending } from './spending/summary.ts';

const { values: flags, positionals: runs } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: 'string', default: '140' },
    budgets: { type: 'string', default: '4,16,64' },
    perCell: { type: 'string', default: '9' },
    json: { type: 'boolean', default: false },
  },
});
if (runs.length === 0) throw new Error('expected one or more runs, e.g. bench:spending -- runs/demo-0001');

const results: Spending[] = [];
for (const run of runs) {
  const result = await spend(run);
  results.push(result);
  console.log(formatSpending(result));
}
if (results.length > 1) console.log(formatMeans(results));
if (flags.json) console.log(JSON.stringify(results));

async function spend(run: string): Promise<Spending> {
  const { recipe } = await readRunRecipe(run);
  const { folder } = await locateModel(run);
  const [suite] = recipe.evaluation;
  const last = recipe.stages.at(-1);
  if (suite === undefined || last?.type !== 'stage')
    throw new Error(`${run}: expected a run with a suite whose last stage is a stage()`);
  const steps = Number(flags.steps);
  const compared = {
    ...suite,
    greedy: true,
    strategies: [{ type: 'majority' as const }, { type: 'best-of-n' as const }],
    budgets: flags.budgets.split(',').map(Number),
    scorer: { type: 'confidence' as const },
    problems: suite.problems.map((source) =>
      source.type === 'generated' ? { ...source, perCell: Number(flags.perCell) } : source,
    ),
  };
  const runsFolder = mkdtempSync(join(tmpdir(), 'gradus-spending-'));
  try {
    const directory = await startTraining(
      {
        ...recipe,
        seed: recipe.seed + 1000,
        policy: { ...recipe.policy, model: folder },
        stages: [{ ...last, maxSteps: steps }],
        evaluation: [compared],
      },
      runsFolder,
    );
    using reader = await openRunReader(directory);
    const evaluations = reader.evaluations();
    const [before, after] = [
      evaluations.at(0)!.result as Evaluation,
      evaluations.at(-1)!.result as Evaluation,
    ];
    const { tokens } = readCurves(reader).get(suite.name)!.at(-1)!;
    const seconds = ['time/rollout', 'time/learn'].reduce(
      (total, name) => total + sum(reader.metric(name).values),
      0,
    );
    return { run, rows: choiceRows(before, after), training: { steps, tokens, seconds } };
  } finally {
    rmSync(runsFolder, { recursive: true });
  }
}
