/**
 * `npm run bench:samplers`: measures every sampler as a bandit, without a model. The signal of a choice is the probability
 * that its group is mixed; groups judged by chance have none. The last line is JSON.
 *
 *   --seeds N    runs of each sampler (default 5)
 *   --steps N    steps of 32 groups (default 60, a little more than one pass over the pool)
 *   --data DIR   folder with the recorded trace (default: $GRADUS_DATA, else ../shared/data if present)
 *   --json       print only the last line
 *   --learner    instead measure the held-out accuracy of a small learner (bench/samplers/learner.ts) after 40,000
 *                rollouts, in points above uniform sampling; the JSON has `rows` of {regime, sampler, uniform,
 *                difference}
 *   --size N     instead measure the saved state of `auto` and the milliseconds per step in a pool of N problems, over
 *                --steps steps
 *
 * `ofUniform` is the ratio to uniform sampling, `ofBestLevel` that to the best level in hindsight (levels from four
 * trials before the first step); both have 95 % t-intervals over seeds, paired by seed. Levels and measured pass rates
 * are free here: in training they cost four rollouts per problem. `auto` and the Thompson samplers get neither.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Estimate, tInterval } from '../src/statistics/intervals.ts';
import { mean } from '../src/statistics/summary.ts';
import { auto } from '../src/curriculum/samplers/auto.ts';
import { thompsonLiveShare } from '../src/curriculum/samplers/thompson-live-share.ts';
import { thompsonPassRate } from '../src/curriculum/samplers/thompson-pass-rate.ts';
import { uniform } from '../src/curriculum/samplers/uniform.ts';
import { arms, judge } from './samplers/judge.ts';
import { learn, regimes } from './samplers/learner.ts';
import { policies } from './samplers/policies.ts';
import { measureSize } from './samplers/size.ts';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '60' },
    data: { type: 'string', default: process.env['GRADUS_DATA'] ?? '../shared/data' },
    json: { type: 'boolean', default: false },
    learner: { type: 'boolean', default: false },
    size: { type: 'string' },
  },
});
const seeds = Array.from({ length: Number(options.seeds) }, (_, seed) => seed + 1);
const steps = Number(options.steps);
const trace = `${options.data}/rl_trace_qwen25math15b_dsr1209.jsonl`;

interface Row {
  readonly policy: string;
  readonly sampler: string;
  readonly signal: number;
  readonly ofUniform: Estimate;
  readonly ofBestLevel: Estimate;
  /** Number of additional groups with a signal that the best level would have given over the whole run. */
  readonly regret: Estimate;
}

if (options.size !== undefined) judgeSize(Number(options.size));
else if (options.learner) judgeLearning();
else judgeSignal();

function judgeSignal(): void {
  const rows: Row[] = [];
  for (const policy of policies(existsSync(trace) ? trace : undefined)) {
    const baseline = seeds.map((seed) => judge(policy, arms[0]!, seed, steps).perGroup);
    print(`\n${policy.name}: signal per group under uniform sampling ${mean(baseline).toFixed(3)}`);
    print('sampler                       signal   × uniform          × best level          regret');
    for (const arm of arms) {
      const runs = seeds.map((seed) => judge(policy, arm, seed, steps));
      const ofUniform = tInterval(runs.map(({ perGroup }, at) => perGroup / baseline[at]!));
      const ofBestLevel = tInterval(runs.map(({ perGroup, bestLevel }) => perGroup / bestLevel));
      const signal = mean(runs.map(({ perGroup }) => perGroup));
      const regret = tInterval(runs.map(({ perGroup, bestLevel }) => (bestLevel - perGroup) * 32 * steps));
      rows.push({ policy: policy.name, sampler: arm.name, signal, ofUniform, ofBestLevel, regret });
      print(
        `${arm.name.padEnd(28)}  ${signal.toFixed(3)}   ${show(ofUniform)}   ${show(ofBestLevel)}  ${regret.mean.toFixed(0)}`,
      );
    }
  }
  console.log(JSON.stringify({ rows, steps, seeds: seeds.length }));
}

function judgeLearning(): void {
  const samplers = {
    'thompson-pass-rate': thompsonPassRate(),
    'thompson-live-share': thompsonLiveShare(),
    'auto, brake 0': auto({ brake: 0 }),
    auto: auto(),
  };
  const rows = regimes.flatMap((regime) => {
    const baseline = seeds.map((seed) => learn(regime, uniform(), seed));
    print(`\n${regime.name}: ${(100 * mean(baseline)).toFixed(1)} % under uniform sampling`);
    return Object.entries(samplers).map(([sampler, config]) => {
      const differences = seeds.map((seed, at) => 100 * (learn(regime, config, seed) - baseline[at]!));
      const difference = tInterval(differences);
      print(`${sampler.padEnd(28)}  ${show(difference)}`);
      return { regime: regime.name, sampler, uniform: 100 * mean(baseline), difference };
    });
  });
  console.log(JSON.stringify({ rows, seeds: seeds.length }));
}

function judgeSize(problems: number): void {
  const size = measureSize(problems, steps);
  const range = ([median, most]: readonly [number, number]): string =>
    `${median.toFixed(1)} ms (at most ${most.toFixed(1)})`;
  print(
    `auto, ${problems} problems: state ${size.megabytes.toFixed(1)} MB, choose ${range(size.choose)}, observe ${range(size.observe)}`,
  );
  console.log(JSON.stringify(size));
}

function print(line: string): void {
  if (!options.json) console.log(line);
}

function show({ mean: centre, low, high }: Estimate): string {
  return `${centre.toFixed(2)} (${low.toFixed(2)} … ${high.toFixed(2)})`.padEnd(20);
}
