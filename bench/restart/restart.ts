/**
 * Measures what restarts after the policy's own wrong attempts change, at equal written tokens:
 *
 *   npm run bench:restart -- [--seeds 10] [--first 0] [--tokens 200000] [--arms prompt,restart] [--json]
 *
 * The task is search and check (`search-and-check.ts`): an attempt is a list of tries, each with a written check,
 * and most attempts of the format-tuned model give up after the first failed check. Both arms train that model with GRPO
 * until it has written `--tokens`: `prompt` always starts at the prompt, `restart` starts half of the groups after a cut
 * of an earlier wrong attempt with a mark, where there is one.
 *
 * Prints, for held-out problems from the prompt alone, the share of correct attempts and of those that end after a failed
 * try, and the share of correct attempts after a failed try with a forced mark; means, 95 % t-intervals and deviations
 * over seeds, and paired differences. Seeds differ in the training only: all begin from the same format-tuned model.
 * With `--json` the last line is JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { alignColumns } from '../../src/core/text/table.ts';
import { tInterval } from '../../src/statistics/intervals.ts';
import { mean } from '../../src/statistics/summary.ts';
import { type ArmName, armNames, type ArmResult, runArm, writeFormatTuned } from './arm.ts';

const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    first: { type: 'string', default: '0' },
    tokens: { type: 'string', default: '200000' },
    arms: { type: 'string', default: armNames.join(',') },
    json: { type: 'boolean', default: false },
  },
});
const arms = flags.arms.split(',') as ArmName[];
const results: Record<string, ArmResult[]> = Object.fromEntries(arms.map((arm) => [arm, []]));
const folder = mkdtempSync(join(tmpdir(), 'gradus-restart-'));
try {
  const model = join(folder, 'format-tuned');
  console.log(`format-tuned: ${JSON.stringify(await writeFormatTuned(join(folder, 'initial'), model))}`);
  for (let i = 0; i < Number(flags.seeds); i++) {
    const seed = Number(flags.first) + i;
    for (const arm of seed % 2 === 0 ? arms : arms.toReversed()) {
      const before = process.cpuUsage();
      const result = await runArm(model, arm, seed, Number(flags.tokens));
      const { user, system } = process.cpuUsage(before);
      results[arm]!.push(result);
      console.log(
        `seed ${seed}, ${arm}, ${((user + system) / 1e6).toFixed(1)} CPU s: ${JSON.stringify(result)}`,
      );
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}

const percent = (values: readonly number[]): string => {
  const { mean: centre, low, high } = tInterval(values);
  const interval = Number.isFinite(low) ? ` [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]` : '';
  return `${(100 * centre).toFixed(1)}${interval}`;
};
const deviation = (values: readonly number[]): string => {
  const centre = mean(values);
  const squares = values.reduce((total, value) => total + (value - centre) ** 2, 0);
  return values.length < 2 ? '–' : (100 * Math.sqrt(squares / (values.length - 1))).toFixed(1);
};
const columns: readonly (readonly [string, (one: ArmResult) => number])[] = [
  ['correct, %', (one) => one.accuracy],
  ['ends after a miss, %', (one) => one.endsAfterMiss],
  ['correct after a forced mark, %', (one) => one.forced],
  ['zero advantage, %', (one) => one.zeroAdvantage],
  ['groups restarted, %', (one) => one.restarted],
];
const figure = (arm: string, read: (one: ArmResult) => number): number[] => results[arm]!.map(read);
const rows = arms.map((arm) => [
  arm,
  ...columns.map(([, read]) => percent(figure(arm, read))),
  deviation(figure(arm, ({ accuracy }) => accuracy)),
  mean(figure(arm, ({ tokens }) => tokens)).toFixed(1),
  mean(figure(arm, ({ written }) => written)).toFixed(0),
  mean(figure(arm, ({ rollouts }) => rollouts)).toFixed(0),
]);
const head = ['', ...columns.map(([name]) => name), 's.d. of correct', 'tokens', 'written', 'rollouts'];
console.log(alignColumns([head, ...rows], { figuresFrom: 1 }));
if (arms.includes('prompt') && arms.includes('restart')) {
  const paired = columns
    .slice(0, 3)
    .map(
      ([name, read]) =>
        `${name} ${percent(figure('restart', read).map((value, i) => value - figure('prompt', read)[i]!))}`,
    );
  console.log(`restart − prompt, points: ${paired.join('; ')}`);
}
if (flags.json) console.log(JSON.stringify({ flags, results }));
