/**
 * Measures what a second turn costs:
 *
 *   npm run bench:turns -- [--seeds 8] [--engines embedded,torch] [--size 1.5m] [--given 16] [--ends 47] [--json]
 *
 * 64 attempts write the same number of tokens in one turn, or in two turns with `--given` tokens inserted between them;
 * for the attempts with one turn, these tokens are part of the prompt. The first turn ends at any character of `--ends`;
 * attempts that write none have one turn. The model is untrained, with an end token that it almost never writes. The
 * arms alternate. Prints the ratio of the cost per written token of two turns to that of one turn, in CPU seconds of the
 * process and its workers and in elapsed seconds, with 95 % t-intervals over seeds. CPU seconds depend less on the load
 * of the machine. With `--json` the last line is JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { alignColumns } from '../src/core/text/table.ts';
import { tInterval } from '../src/statistics/intervals.ts';
import { sum } from '../src/statistics/summary.ts';
import { measureSeed, type Measured, openBenchEngine, writeBenchModel } from './turns/arms.ts';

const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '8' },
    engines: { type: 'string', default: 'embedded,torch' },
    size: { type: 'string', default: '1.5m' },
    given: { type: 'string', default: '16' },
    ends: { type: 'string', default: '47' },
    json: { type: 'boolean', default: false },
  },
});

const given = Number(flags.given);
const ends = [...flags.ends];
const folder = mkdtempSync(join(tmpdir(), 'gradus-turns-'));
const results: Record<string, Measured[]> = {};
try {
  await writeBenchModel(folder, flags.size);
  for (const name of flags.engines.split(',')) {
    await using engine = await openBenchEngine(name, folder);
    // The first seed warms up.
    await measureSeed(engine, 0, given, ends);
    results[name] = [];
    for (let seed = 1; seed <= Number(flags.seeds); seed++) {
      const measured = await measureSeed(engine, seed, given, ends);
      results[name].push(measured);
      console.log(`${name}, seed ${seed}: ${JSON.stringify(measured)}`);
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}

const interval = (values: readonly number[]): string => {
  const { mean, low, high } = tInterval(values);
  return Number.isFinite(low)
    ? `${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`
    : mean.toFixed(3);
};
const rows = Object.entries(results).map(([name, seeds]) => {
  const ratio = (read: 'cpuSeconds' | 'seconds'): string =>
    interval(seeds.map(({ one, two }) => two[read] / two.tokens / (one[read] / one.tokens)));
  const total = (read: (seed: Measured) => number): string => String(sum(seeds.map(read)));
  return [
    name,
    ratio('cpuSeconds'),
    ratio('seconds'),
    total(({ one }) => one.tokens),
    total(({ two }) => two.tokens),
    (sum(seeds.map(({ two }) => two.turns)) / sum(seeds.map(({ two }) => two.attempts))).toFixed(2),
  ];
});
const head = ['', 'two / one turn, CPU', 'elapsed', 'tokens, one turn', 'two turns', 'turns per attempt'];
console.log(alignColumns([head, ...rows], { figuresFrom: 1 }));
if (flags.json) console.log(JSON.stringify({ flags, results }));
