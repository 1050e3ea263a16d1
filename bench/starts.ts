/**
 * Measures how much starting partway through a known solution helps on problems that the model never solves:
 *
 *   npm run bench:starts -- [--seeds 3] [--steps 80] [--first 0] [--arms prompt,reveal,fine,likelihood,shortest] [--json]
 *
 * Trains with GRPO on problems that the demo's model fails in all 16 attempts; each arm has the same number of
 * rollouts. `prompt` starts at the prompt, `reveal` after a part of the solution whose length depends on the problem's
 * success rate, `fine` does the same in steps of 1/64 and never starts at the prompt, `likelihood` starts after the part
 * from which the rest is written with a probability of about one half, `shortest` after the shortest part that helps.
 *
 * Prints the share of groups without an advantage over all steps. Then prints, for attempts from the prompt alone after
 * training, the share of problems solved at least once in 16 attempts and the pass rate, both for the training problems
 * and for held-out problems of the same kinds. Intervals are 95 % t-intervals over seeds. With `--json` the last line is
 * JSON.
 */
import { parseArgs } from 'node:util';
import { alignColumns } from '../src/core/text/table.ts';
import { tInterval } from '../src/statistics/intervals.ts';
import { type ArmResult, armNames, type ArmName, hardProblems, runArm } from './starts/arm.ts';

const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    first: { type: 'string', default: '0' },
    steps: { type: 'string', default: '80' },
    perCell: { type: 'string', default: '6' },
    arms: { type: 'string', default: armNames.join(',') },
    model: { type: 'string', default: 'models/gradus-tiny' },
    json: { type: 'boolean', default: false },
  },
});
const arms = flags.arms.split(',') as ArmName[];

const results: Record<string, ArmResult[]> = Object.fromEntries(arms.map((arm) => [arm, []]));
for (let i = 0; i < Number(flags.seeds); i++) {
  const seed = Number(flags.first) + i;
  const problems = await hardProblems(flags.model, seed, Number(flags.perCell));
  console.log(
    `seed ${seed}: ${problems.train.length} problems with pass rate 0, ${problems.heldOut.length} held out`,
  );
  for (const arm of arms) {
    const result = await runArm(flags.model, arm, problems, { seed, steps: Number(flags.steps) });
    results[arm]!.push(result);
    console.log(`  ${arm}: ${JSON.stringify(result)}`);
  }
}

const percent = (values: readonly number[]): string => {
  const { mean, low, high } = tInterval(values);
  const interval = Number.isFinite(low) ? ` [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]` : '';
  return `${(100 * mean).toFixed(1)}${interval}`;
};
const columns: readonly (readonly [string, (one: ArmResult) => number])[] = [
  ['zero advantage, %', (one) => one.zeroAdvantage],
  ['of these at the prompt', (one) => one.lost.prompt],
  ['too little', (one) => one.lost.tooLittle],
  ['too much', (one) => one.lost.tooMuch],
  ['solved, %', (one) => one.train.solved],
  ['pass rate, %', (one) => one.train.passRate],
  ['held-out solved, %', (one) => one.heldOut.solved],
  ['held-out pass rate, %', (one) => one.heldOut.passRate],
  ['back at the prompt, %', (one) => one.atPrompt],
];
const rows = arms.map((arm) => [arm, ...columns.map(([, read]) => percent(results[arm]!.map(read)))]);
console.log(alignColumns([['', ...columns.map(([name]) => name)], ...rows], { figuresFrom: 1 }));
for (const arm of arms.filter((name) => name !== 'prompt' && arms.includes('prompt'))) {
  const difference = (read: (one: ArmResult) => number): string =>
    percent(results[arm]!.map((one, i) => read(one) - read(results['prompt']![i]!)));
  console.log(
    `${arm} − prompt, points: solved ${difference((one) => one.train.solved)}, held-out solved ${difference((one) => one.heldOut.solved)}`,
  );
}
if (flags.json) console.log(JSON.stringify({ flags, results }));
