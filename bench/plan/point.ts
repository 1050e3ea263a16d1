/**
 * One point of `bench:plan`, in a separate process to measure its memory: opens a model, then samples and learns for
 * three steps. Takes a `MemoryPoint` as JSON and prints a `MeasuredMemory` as JSON.
 */
import type { TrainingSequence } from '../../src/core/batch.ts';
import type { LossSpec } from '../../src/core/loss-spec.ts';
import { byteCount } from '../../src/core/text/byte-size.ts';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import { trainingMemory } from '../../src/engines/embedded/memory-budget.ts';
import { completionsOf } from '../../src/engines/engine.ts';
import { openModelFolder } from '../../src/engines/model-files/model-folder.ts';
import type { MeasuredMemory, MemoryPoint } from '../plan.ts';

const { model, rows, maxTokens, budget } = JSON.parse(process.argv[2]!) as MemoryPoint;
const lanes = 2;
const emptyBytes = process.memoryUsage().rss;
const { config } = await openModelFolder(model);
const spec: LossSpec = {
  policy: { type: 'clipped', ratio: 'token', clipLow: 0.2, clipHigh: 0.2, dualClip: null },
  kl: null,
  entropy: null,
  importance: null,
  temperature: 1,
};

await using engine = await openEmbeddedEngine({ model, lanes, threads: 1, memoryBudget: budget });
const { sampler, learner } = engine;
let positions = 0;
for (let seed = 0; seed < 3; seed++) {
  const prompt = [{ role: 'user', content: 'How many of these numbers are even?' }] as const;
  const prompts = [{ key: 'p', prompt, count: rows }];
  const sequences: TrainingSequence[] = [];
  for await (const { transcript, index } of completionsOf(
    sampler.sample({ prompts, maxTokens, temperature: 1, seed }),
  )) {
    const { tokens, logprobs, written } = transcript;
    const weights = new Float32Array(tokens.length);
    for (const { start, end } of written) weights.fill(1 / (rows * maxTokens), start, end);
    const advantages = weights.map((weight) => (weight === 0 ? 0 : index % 2 === 0 ? 1 : -1));
    sequences.push({ tokens, weights, advantages, rolloutLogprobs: logprobs });
    positions = Math.max(positions, tokens.length);
  }
  await learner.forwardBackward({ sequences }, spec);
  await learner.optimStep({ learningRate: 1e-4, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0 });
}
const forecast = trainingMemory(config, {
  positions,
  runners: lanes,
  memoryBudgetBytes: byteCount(budget),
});
const bytes = Object.values(forecast).reduce((sum, part) => sum + part, 0);
const measured = process.resourceUsage().maxRSS * 2 ** 10 - emptyBytes;
console.log(JSON.stringify({ forecast: bytes, measured } satisfies MeasuredMemory));
