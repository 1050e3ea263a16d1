/**
 * One point of `bench:plan`, in a separate process to measure its memory: opens a model, then samples and learns for
 * two steps. Takes a `MemoryPoint` as JSON; prints the bytes of its peak beyond the empty runtime.
 */
import type { TrainingSequence } from '../../src/core/batch.ts';
import type { LossSpec } from '../../src/core/loss-spec.ts';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import { completionsOf } from '../../src/engines/engine.ts';
import { type MemoryPoint, promptsOf } from './forecast.ts';

const point = JSON.parse(process.argv[2]!) as MemoryPoint;
const { model, rows, maxTokens, lanes, memoryBudget } = point;
const emptyBytes = process.memoryUsage().rss;
const spec: LossSpec = {
  policy: { type: 'clipped', ratio: 'token', clipLow: 0.2, clipHigh: 0.2, dualClip: null },
  kl: null,
  entropy: null,
  importance: null,
  temperature: 1,
};

await using engine = await openEmbeddedEngine({ model, lanes, threads: 1, memoryBudget });
const { sampler, learner } = engine;
for (let seed = 0; seed < 2; seed++) {
  const sequences: TrainingSequence[] = [];
  for await (const { transcript, index } of completionsOf(
    sampler.sample({ prompts: promptsOf(point), maxTokens, temperature: 1, seed }),
  )) {
    const { tokens, logprobs, written } = transcript;
    const weights = new Float32Array(tokens.length);
    for (const { start, end } of written) weights.fill(1 / (rows * maxTokens), start, end);
    const advantages = weights.map((weight) => (weight === 0 ? 0 : index % 2 === 0 ? 1 : -1));
    sequences.push({ tokens, weights, advantages, rolloutLogprobs: logprobs });
  }
  await learner.forwardBackward({ sequences }, spec);
  await learner.optimStep({ learningRate: 1e-4, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0 });
}
console.log(process.resourceUsage().maxRSS * 2 ** 10 - emptyBytes);
