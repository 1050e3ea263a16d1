/**
 * `npm run bench:engine`: how fast the embedded engine trains, beside the runtime's own matrix product in the same
 * run. The last line is JSON.
 */
import { measureTraining, type TrainingResult } from './engine/training.ts';

const training: TrainingResult[] = [];
console.log('Training, whole steps (forward, backward, AdamW):');
for (const [lanes, threads] of [
  [2, 1],
  [1, 2],
] as const) {
  training.push(await measureTraining('S', 32, 128, lanes, threads));
  training.push(await measureTraining('M', 32, 256, lanes, threads));
}
console.table(
  training.map(
    ({ model, rows, positions, lanes, stepMs, tokensPerSecond, gflops, matmulGflops, efficiency }) => ({
      model,
      batch: `${rows} × ${positions}`,
      'lanes × threads': lanes,
      'step ms': Math.round(stepMs),
      'tok/s': Math.round(tokensPerSecond),
      'GFLOP/s': Math.round(gflops),
      'matmul GFLOP/s': Math.round(matmulGflops),
      efficiency: Number(efficiency.toFixed(2)),
    }),
  ),
);
console.log(`memory ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`);
console.log(JSON.stringify({ training }));
