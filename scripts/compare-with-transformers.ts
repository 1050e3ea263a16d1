/**
 * Compares both engines with transformers on a model: the logits after 20 prompts.
 *
 *     npx node -C development scripts/compare-with-transformers.ts <model folder>
 */
import { spawnSync } from 'node:child_process';
import { decodeWeights } from '../src/engines/embedded/sampling/decode-weights.ts';
import { openDecoder } from '../src/engines/embedded/sampling/decoder.ts';
import { checkpointTensors, parameterLayout } from '../src/engines/embedded/parameters.ts';
import { openModelFolder } from '../src/engines/model-files/model-folder.ts';

const folder = await openModelFolder(process.argv[2] ?? 'models/gradus-tiny');
const { vocabSize } = folder.config;
const prompts = Array.from({ length: 20 }, (_, i) =>
  folder.tokenizer.encodePrompt([
    { role: 'user', content: `Tom has ${i + 3} pens and buys ${7 * i}. Total?` },
  ]),
);

const run = spawnSync('worker/.venv/bin/python', ['scripts/transformers-logits.py'], {
  input: JSON.stringify({ model: folder.path, sequences: prompts.map((tokens) => [...tokens]) }),
  maxBuffer: 2 ** 30,
  stdio: ['pipe', 'pipe', 'inherit'],
});
const reference = new Float32Array(Uint8Array.from(run.stdout).buffer);
const count = prompts.length * vocabSize;

const weights = new Float32Array(parameterLayout(folder.config).length);
await folder.readWeights(checkpointTensors(folder.config, weights));
await using decoder = await openDecoder(folder.config, 1, 2);
const packed = decodeWeights(folder.config, weights);
const embedded = new Float32Array(count);
for (const [at, tokens] of prompts.entries()) {
  const { logits } = await decoder.read(packed, [tokens]);
  embedded.set(logits.subarray(0, vocabSize), at * vocabSize);
}

const theirs = reference.subarray(0, count);
const argmax = (logits: Float32Array, at: number): number => {
  const row = logits.subarray(at * vocabSize, (at + 1) * vocabSize);
  return row.reduce((best, value, i) => (value > row[best]! ? i : best), 0);
};
for (const [name, ours] of [
  ['embedded', embedded],
  ['torch', reference.subarray(count)],
] as const) {
  const gap = ours.reduce((largest, value, i) => Math.max(largest, Math.abs(value - theirs[i]!)), 0);
  const same = prompts.filter((_, at) => argmax(ours, at) === argmax(theirs, at)).length;
  console.log(
    `${name}: largest difference ${gap.toExponential(1)}, same first token in ${same} of ${prompts.length}`,
  );
}
console.log(
  `largest logit: ${theirs.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0).toFixed(1)}`,
);
