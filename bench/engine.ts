/**
 * `npm run bench:engine -- [--models S,M] [--python PATH]`: measures the training speed of the embedded engine,
 * compared with the runtime's own matrix product in the same run, and its sampling speed. With a Python that has torch
 * and transformers, it then trains and samples the same models there. The last line is JSON.
 */
import { parseArgs } from 'node:util';
import { measurePeer } from './engine/peer.ts';
import { measureSampling, type SamplingResult } from './engine/sampling.ts';
import { measureTraining, type TrainingResult } from './engine/training.ts';

const { values } = parseArgs({
  options: { models: { type: 'string', default: 'S,M' }, python: { type: 'string' } },
});
/** Number of lanes × runtime threads per lane. */
const waysToUseTwoThreads = [
  [2, 1],
  [1, 2],
] as const;
const isWanted = ({ model }: { readonly model: string }): boolean => values.models.split(',').includes(model);
const trainingCases = (
  [
    { model: 'S', rows: 32, positions: 128 },
    { model: 'M', rows: 32, positions: 256 },
  ] as const
).filter(isWanted);
const samplingCases = (
  [
    { model: 'S', sequences: 64, maxTokens: 128 },
    { model: 'S', sequences: 128, maxTokens: 128 },
    { model: 'M', sequences: 128, maxTokens: 256 },
  ] as const
).filter(isWanted);

const training: TrainingResult[] = [];
const sampling: SamplingResult[] = [];
for (const [lanes, threads] of waysToUseTwoThreads) {
  for (const { model, rows, positions } of trainingCases)
    training.push(await measureTraining(model, rows, positions, lanes, threads));
  for (const { model, sequences, maxTokens } of samplingCases)
    sampling.push(await measureSampling(model, sequences, maxTokens, lanes, threads));
}
const peer = values.python === undefined ? null : measurePeer(values.python, trainingCases, samplingCases);

console.log('Training, whole steps (forward, backward, AdamW):');
console.table(training.map((result, i) => trainingRow(result, peer?.stepMs[i % trainingCases.length])));
console.log('Sampling, 8 completions per prompt:');
console.table(
  sampling.map((result, i) => samplingRow(result, peer?.tokensPerSecond[i % samplingCases.length])),
);
console.log(`memory ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`);
console.log(JSON.stringify({ training, sampling, peer }));

function trainingRow(result: TrainingResult, peerMs: number | undefined): Record<string, string | number> {
  const { model, rows, positions, lanes, stepMs, tokensPerSecond, gflops, matmulGflops, efficiency } = result;
  return {
    model,
    batch: `${rows} × ${positions}`,
    'lanes × threads': lanes,
    'step ms': Math.round(stepMs),
    'tok/s': Math.round(tokensPerSecond),
    'GFLOP/s': Math.round(gflops),
    'matmul GFLOP/s': Math.round(matmulGflops),
    efficiency: Number(efficiency.toFixed(2)),
    ...(peerMs === undefined
      ? {}
      : { 'PyTorch ms': Math.round(peerMs), 'times PyTorch': timesPeer(peerMs / stepMs) }),
  };
}

function samplingRow(result: SamplingResult, peerRate: number | undefined): Record<string, string | number> {
  const { model, sequences, maxTokens, lanes, tokensPerSecond } = result;
  return {
    model,
    batch: `${sequences} × ${maxTokens}`,
    'lanes × threads': lanes,
    'tok/s': Math.round(tokensPerSecond),
    ...(peerRate === undefined
      ? {}
      : {
          'transformers tok/s': Math.round(peerRate),
          'times transformers': timesPeer(tokensPerSecond / peerRate),
        }),
  };
}

function timesPeer(ratio: number): number {
  return Number(ratio.toFixed(2));
}
