/**
 * `npm run bench:difficulty`: measures the rollouts that each method needs for the same share of misplaced problems,
 * and how well drift is predicted. The last line is JSON.
 *
 *   --data DIR     data sets (default: $GRADUS_DATA, else ../shared/data if present); without them, only simulated
 *                  problems are measured
 *   --bits FILE    measure only this JSONL file of `{id, bits: "0110…"}`, one problem's rollouts per line, with
 *                  `prompt` and `answer` if known
 *   --priors       measure only priors of adaptive probing, on gradus-tiny's problems; 64 rollouts of each take some
 *                  minutes
 *   --seeds LIST   pools for --priors (default: 0,1,2)
 *   --sensitivity  measure only the cost of other values of the methods' constants
 *
 * Methods see rollouts in recorded order; the whole record is the hidden truth. The constants of adaptive probing
 * (shapes, groups, pilots) were chosen only on AdaRFT. Results are reported for half 1 of AdaRFT, split by hash of the
 * text; the RL trace and the simulated problems were not used for choosing constants. The drift's constants were chosen
 * on the even rows of the RL trace; its results are from the odd rows.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  firstOf,
  populationOfTrace,
  readAdaRft,
  readBits,
  readTrace,
  simulated,
  traceBesideAdaRft,
} from './difficulty/data.ts';
import { compareDrift } from './difficulty/drift.ts';
import { compareMethods } from './difficulty/levels.ts';
import { compareDriftTunings, compareTunings } from './difficulty/sensitivity.ts';
import { comparePriors } from './difficulty/priors.ts';
import { compareSeveralModels } from './difficulty/several-models.ts';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: process.env['GRADUS_DATA'] ?? '../shared/data' },
    bits: { type: 'string' },
    priors: { type: 'boolean', default: false },
    seeds: { type: 'string', default: '0,1,2' },
    sensitivity: { type: 'boolean', default: false },
  },
});

if (options.sensitivity) await runSensitivity(options.data);
else if (options.priors)
  console.log(JSON.stringify({ priors: await comparePriors(options.seeds.split(',').map(Number)) }));
else if (options.bits === undefined) await runAll(options.data);
else console.log(JSON.stringify({ levels: compareMethods(readBits(options.bits)) }));

async function runAll(data: string): Promise<void> {
  const adarft = `${data}/adarft`;
  const tracePath = `${data}/rl_trace_qwen25math15b_dsr1209.jsonl`;
  const levels = compareMethods(simulated(4000, 128));
  if (existsSync(adarft)) levels.push(...compareMethods(await readAdaRft(adarft, 1)));
  else console.log(`\nNo ${adarft}: AdaRFT skipped.`);
  const trace = existsSync(tracePath) ? readTrace(tracePath) : undefined;
  if (trace === undefined) console.log(`\nNo ${tracePath}: RL trace skipped.`);
  else {
    levels.push(...compareMethods(populationOfTrace(trace)));
    levels.push(...compareMethods(populationOfTrace(trace, 'as trained')));
  }
  if (trace !== undefined && existsSync(adarft))
    levels.push(...compareMethods(await traceBesideAdaRft(trace, adarft)));
  const severalModels = compareSeveralModels();
  const drift = trace === undefined ? undefined : compareDrift(trace);
  console.log(JSON.stringify({ levels, severalModels, drift }));
}

async function runSensitivity(data: string): Promise<void> {
  const tracePath = `${data}/rl_trace_qwen25math15b_dsr1209.jsonl`;
  const trace = existsSync(tracePath) ? readTrace(tracePath) : undefined;
  const drift = trace === undefined ? undefined : compareDriftTunings(trace);
  const probing = [compareTunings(simulated(4000, 64))];
  if (trace !== undefined) probing.push(compareTunings(populationOfTrace(trace)));
  if (existsSync(`${data}/adarft`)) {
    const half = await readAdaRft(`${data}/adarft`, 1);
    probing.push(compareTunings(firstOf(half, 2000)));
  }
  console.log(JSON.stringify({ probing, drift }));
}
