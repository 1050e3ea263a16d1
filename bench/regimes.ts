/**
 * Measures where selecting problems pays off. Trains gradus-tiny in many regimes (share of problems within reach,
 * chains of skills, coin-flip verdicts, a required marker, …) with uniform sampling and other arms, all with the same
 * total number of rollouts, including those spent on measuring, and compares each with uniform sampling over seeds.
 *
 *   npm run bench:regimes -- [--rows R1,R4/gap] [--arms auto,mopps] [--seeds 5] [--short] [--jobs 2] [--json]
 *
 * - `--rows`   regimes (`R1`) or rows (`R1/10`); default: all rows that need no other model (see `bench/regimes/rows.ts`).
 * - `--arms`   arms of `bench/regimes/arms.ts`; default: `auto,mopps,thompson`. `uniform` is always included.
 * - `--seeds`  `5`: seeds 1 to 5; `6-10`: seeds 6 to 10.
 * - `--short`  only the most decisive rows.
 * - `--jobs`   number of concurrent runs.
 * - `--by-step` repeats recorded runs whose record does not contain the share of groups with a signal for each step and
 *   cell. A repeated run must have the recorded accuracies, and replaces the recorded one.
 * - `--report` reports the recorded results, regardless of their recipes, and trains nothing.
 * - `--picture` SVG file to draw: speed against the share of live groups.
 * - `--results` JSON Lines of finished runs. Runs found there are not repeated, so an interrupted bench continues, and
 *   rows, arms and seeds can be added later. A run with a changed recipe counts as a different run.
 *
 * The outcome is the mean of the last three evaluations; the speed is the ratio of the rollouts needed to reach the
 * lower of the two final accuracies; intervals are 95 % t-intervals over seeds. The last line is JSON.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError } from '../src/core/errors.ts';
import { arms } from './regimes/arms.ts';
import { makeMarkedModel } from './regimes/marked-model.ts';
import { longestTraining, makeLevelStores } from './regimes/paper-levels.ts';
import { configOf, modelOf, recipeOf } from './regimes/recipe.ts';
import { formatKinds } from './regimes/kinds.ts';
import { drawSpeeds } from './regimes/picture.ts';
import { compareResults, formatDecisions, formatTable } from './regimes/report.ts';
import { keyOf, readResults, recordResult } from './regimes/results.ts';
import { math, paperLevelsRow, type Row, rows, shortRows } from './regimes/rows.ts';
import { runArm } from './regimes/run.ts';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string' },
    arms: { type: 'string' },
    seeds: { type: 'string', default: '5' },
    short: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '1' },
    results: { type: 'string', default: 'docs/regimes/results.jsonl' },
    runs: { type: 'string', default: 'runs/bench-regimes' },
    'by-step': { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
    picture: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const say = options.json ? () => undefined : console.log;

/** A run to execute. */
interface Case {
  readonly row: Row;
  readonly arm: string;
  readonly seed: number;
}

const chosen = chooseRows();
// Order by seed first, so that a bench stopped early has results for every row.
const cases = seedsOf(options.seeds).flatMap((seed) =>
  chosen.flatMap((row) => chooseArms().map((arm): Case => ({ row, arm, seed }))),
);
const known = new Set(
  readResults(options.results)
    .filter(({ cells }) => !options['by-step'] || cells !== undefined)
    .map(keyOf),
);
const missing = options.report
  ? []
  : cases.filter((one) => !known.has(keyOf({ ...one, row: one.row.id, config: configFor(one) })));
for (const { row } of missing) {
  const folder = modelOf(row.model);
  if (row.model === undefined || row.model === 'marked' || existsSync(folder)) continue;
  throw new ConfigError(`row ${row.id}: expected a base model in ${folder}, found none`, {
    tryNext: `npx node -C development scripts/make-base-model.ts ${folder} ${row.model}`,
  });
}
if (missing.some(({ row }) => row.model === 'marked')) {
  const share = await makeMarkedModel('models/gradus-tiny', modelOf('marked'));
  if (share !== undefined) say(`base model of R6: writes the marker in ${(100 * share).toFixed(1)} %`);
}
if (missing.some(({ arm }) => arms[arm]!.settings?.knownPassRates !== undefined)) {
  const [uniform, seed] = [arms['uniform']!, 999];
  const trained = { ...paperLevelsRow, problems: () => math(seed), budget: longestTraining * 256 };
  await makeLevelStores(recipeOf(paperLevelsRow, uniform, 0), recipeOf(trained, uniform, seed));
}
say(`${cases.length} runs, ${missing.length} of them missing`);
await Promise.all(Array.from({ length: Number(options.jobs) }, work));
await report();

/** Executes runs until none are left. */
async function work(): Promise<void> {
  for (let one = missing.shift(); one !== undefined; one = missing.shift()) {
    const { row, arm, seed } = one;
    const recipe = recipeOf(row, arms[arm]!, seed);
    const run = await runArm(row, arms[arm]!, recipe, join(options.runs, `${process.pid}`));
    recordResult(options.results, { row: row.id, arm, seed, config: configFor(one), ...run });
    const { accuracy, rollouts } = run.points.at(-1)!;
    say(
      `${row.id} ${arm} seed ${seed}: ${(100 * accuracy).toFixed(1)} % after ${rollouts} rollouts, ${run.seconds} s; ${missing.length} left`,
    );
  }
}

async function report(): Promise<void> {
  const wanted = new Set(cases.map((one) => keyOf({ ...one, row: one.row.id, config: configFor(one) })));
  const all = readResults(options.results);
  const results = options.report ? all : all.filter((result) => wanted.has(keyOf(result)));
  const comparisons = compareResults(options.report ? rows : chosen, results);
  say(`\n${formatTable(comparisons)}\n\n${formatDecisions(comparisons).join('\n')}\n`);
  say(
    `Speed of \`auto\` expected from the kinds of problems that are held out:\n${formatKinds(rows, results)}\n`,
  );
  if (options.picture !== undefined) await drawSpeeds(options.picture, comparisons);
  console.log(JSON.stringify({ rows: comparisons }));
}

function configFor({ row, arm, seed }: Case): string {
  return configOf(recipeOf(row, arms[arm]!, seed), arms[arm]!);
}

function chooseRows(): Row[] {
  const needsNoModel = rows.filter(({ model }) => model === undefined || model === 'marked');
  if (options.rows === undefined)
    return options.short ? shortRows.map((id) => rows.find((row) => row.id === id)!) : needsNoModel;
  return options.rows.split(',').flatMap((name) => {
    const found = rows.filter(({ id }) => id === name || id.split('/')[0] === name);
    if (found.length > 0) return found;
    throw new ConfigError(
      `--rows: expected regimes or rows, got "${name}"; rows: ${rows.map(({ id }) => id).join(', ')}`,
    );
  });
}

function chooseArms(): string[] {
  const names = (options.arms ?? 'uniform,auto,mopps,thompson').split(',');
  const unknown = names.find((name) => !(name in arms));
  if (unknown !== undefined)
    throw new ConfigError(`--arms: expected arms, got "${unknown}"; arms: ${Object.keys(arms).join(', ')}`);
  return ['uniform', ...names.filter((name) => name !== 'uniform')];
}

function seedsOf(text: string): number[] {
  const [, first, last] = /^(?:(\d+)-)?(\d+)$/.exec(text) ?? [];
  if (last === undefined)
    throw new ConfigError(`--seeds: expected a number or a range like 6-10, got "${text}"`);
  const from = Number(first ?? 1);
  return Array.from({ length: Number(last) - from + 1 }, (_, i) => from + i);
}
