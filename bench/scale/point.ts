/**
 * One point of `bench:scale`, in a separate process to measure its memory. Takes a `Point` as JSON and prints a
 * `Measured` as JSON.
 */
import { openBenchTrainer } from '../engine/bench-trainer.ts';
import { models } from '../engine/models.ts';
import type { Measured, Point } from '../scale.ts';

const { model, rows, positions, budgetMiB } = JSON.parse(process.argv[2]!) as Point;
const repeats = 3;

/** Warms up the runtime and its threads with a tiny model. */
const empty = { ...models.S, layers: 1, hiddenSize: 32, vocabSize: 8 };
await using idle = openBenchTrainer(empty, 2, 1, 2 ** 28);
await idle.step(2, 8);
const emptyMiB = process.memoryUsage().rss / 2 ** 20;

await using trainer = openBenchTrainer(models[model], 2, 1, budgetMiB * 2 ** 20);
let stepMs = Infinity;
for (let i = 0; i < repeats; i++) {
  const start = performance.now();
  await trainer.step(rows, positions);
  stepMs = Math.min(stepMs, performance.now() - start);
}
const peakMiB = process.resourceUsage().maxRSS / 2 ** 10;
console.log(JSON.stringify({ stepMs, memoryMiB: peakMiB - emptyMiB } satisfies Measured));
