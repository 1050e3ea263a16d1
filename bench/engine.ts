/**
 * `npm run bench:engine`: how fast the embedded engine trains, beside the runtime's own matrix product in the same
 * run, and how fast it samples. The last line is JSON.
 */
import { measureSampling, type SamplingResult } from './engine/sampling.ts';
import { measureTraining, type TrainingResult } from './engine/training.ts';

const training: TrainingResult[] = [];
const sampling: SamplingResult[] = [];
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
console.log('Sampling, 8 completions a prompt:');
for (const [lanes, threads] of [
  [2, 1],
  [1, 2],
] as const) {
  sampling.push(await measureSampling('S', 64, 128, lanes, threads));
  sampling.push(await measureSampling('S', 128, 128, lanes, threads));
  sampling.push(await measureSampling('M', 128, 256, lanes, threads));
}
console.table(
  sampling.map(({ model, sequences, maxTokens, lanes, tokensPerSecond }) => ({
    model,
    batch: `${sequences} × ${maxTokens}`,
    'lanes × threads': lanes,
    'tok/s': Math.round(tokensPerSecond),
  })),
);
console.log(`memory ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`);
console.log(JSON.stringify({ training, sampling }));
