import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Message } from '../../src/core/problem.ts';
import { decodeWeights } from '../../src/engines/embedded/sampling/decode-weights.ts';
import { openDecoder } from '../../src/engines/embedded/sampling/decoder.ts';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import { parameterLayout } from '../../src/engines/embedded/parameters.ts';
import { openModelFolder } from '../../src/engines/model-files/model-folder.ts';

/** Written by scripts/make-parity-fixture.py with transformers. */
interface Expected {
  readonly tokens: readonly number[];
  readonly logits: readonly (readonly number[])[];
  readonly messages: readonly Message[];
  readonly promptTokens?: readonly number[];
  readonly text: string;
  readonly textTokens: readonly number[];
}

const folderOf = (name: string): string => `test/golden/parity-${name}`;
const expectedOf = (name: string): Expected =>
  JSON.parse(readFileSync(`${folderOf(name)}/expected.json`, 'utf8')) as Expected;
const models = ['qwen2', 'llama'];

test.each(models)('%s: computes the same logits as transformers at every position', async (name) => {
  const expected = expectedOf(name);
  const folder = await openModelFolder(folderOf(name));
  const { entries, length } = parameterLayout(folder.config);
  const flat = new Float32Array(length);
  await folder.readWeights(
    entries.map((entry) => ({ ...entry, data: flat.subarray(entry.offset, entry.offset + entry.length) })),
  );
  await using decoder = await openDecoder(folder.config, 1, 2);
  const prompts = expected.tokens.map((_, at) => Int32Array.from(expected.tokens.slice(0, at + 1)));
  const { logits } = await decoder.read(decodeWeights(folder.config, flat), prompts);
  expect(largestGap(logits, expected.logits.flat())).toBeLessThan(1e-4);
});

test.each(models)('%s: scores with the same log-probabilities as transformers', async (name) => {
  const { tokens, logits } = expectedOf(name);
  await using engine = await openEmbeddedEngine({ model: folderOf(name), lanes: 1 });
  const [ours] = await engine.weights.logprobs(
    { sequences: [{ tokens: Int32Array.from(tokens) }] },
    'policy',
  );
  const theirs = tokens.slice(1).map((token, at) => logSoftmax(logits[at]!, token));
  expect(largestGap(ours!.subarray(1), theirs)).toBeLessThan(1e-4);
});

test.each(models)('%s: tokenizes text as transformers does', async (name) => {
  const { text, textTokens, messages, promptTokens } = expectedOf(name);
  const { tokenizer } = await openModelFolder(folderOf(name));
  expect([...tokenizer.encodeText(text)]).toEqual(textTokens);
  const withoutTemplate = tokenizer.encodeText(messages.map(({ content }) => content).join('\n'));
  expect([...tokenizer.encodePrompt(messages)]).toEqual(promptTokens ?? [...withoutTemplate]);
});

function logSoftmax(logits: readonly number[], token: number): number {
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
  return logits[token]! - Math.log(total);
}

function largestGap(ours: Float32Array, theirs: readonly number[]): number {
  expect(theirs.length).toBeLessThanOrEqual(ours.length);
  return theirs.reduce((gap, value, i) => Math.max(gap, Math.abs(value - ours[i]!)), 0);
}
