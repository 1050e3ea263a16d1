import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { crossEntropyLoss } from '../../src/core/loss-spec.ts';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import { createMicrobatchRunner } from '../../src/engines/embedded/learning/microbatch-runner.ts';
import { lossFeeds, tokenFeeds } from '../../src/engines/embedded/learning/microbatches.ts';
import { checkpointTensors, parameterLayout } from '../../src/engines/embedded/parameters.ts';
import { decodeWeights } from '../../src/engines/embedded/sampling/decode-weights.ts';
import { openDecoder } from '../../src/engines/embedded/sampling/decoder.ts';
import { openModelFolder } from '../../src/engines/model-files/model-folder.ts';

/*
 * Compares every supported family on the embedded engine with transformers. `worker/tests/model/test_families.py` does
 * the same for the torch engine, and loads exports in transformers.
 */

/** Written by scripts/make-family-fixtures.py. */
interface Expected {
  readonly tokens: readonly number[];
  readonly logits: readonly (readonly number[])[];
  readonly logprobs: readonly number[];
  readonly greedy: readonly number[];
  /** √Σg² and Σ g·cos(i + 1) of each tensor's gradient of the mean log-probability. */
  readonly gradient: Readonly<Record<string, readonly [norm: number, projection: number]>>;
}

const golden = 'test/golden/families';
const all = readdirSync(golden);
const dense = all.filter((name) => !name.endsWith('-moe'));
const expectedOf = async (name: string): Promise<Expected> =>
  JSON.parse(await readFile(`${golden}/${name}/expected.json`, 'utf8')) as Expected;

async function load(name: string) {
  const { config, readWeights } = await openModelFolder(`${golden}/${name}`);
  const weights = new Float32Array(parameterLayout(config).length);
  await readWeights(checkpointTensors(config, weights));
  return { config, weights };
}

const largestGap = (ours: Float32Array, theirs: readonly number[]): number =>
  theirs.reduce((gap, value, i) => Math.max(gap, Math.abs(value - ours[i]!)), 0);

describe.each(dense)('%s', (name) => {
  test('scores with the same log-probabilities as transformers', async () => {
    const { tokens, logprobs } = await expectedOf(name);
    await using engine = await openEmbeddedEngine({ model: `${golden}/${name}`, lanes: 1 });
    const batch = { sequences: [{ tokens: Int32Array.from(tokens) }] };
    const [ours] = await engine.weights.logprobs(batch, 'policy');
    expect(largestGap(ours!.subarray(1), logprobs)).toBeLessThan(1e-4);
  });

  test('decodes with the same logits as transformers', async () => {
    const { tokens, logits } = await expectedOf(name);
    const { config, weights } = await load(name);
    await using decoder = await openDecoder(config, 1, 2);
    const prompts = logits.map((_, at) => Int32Array.from(tokens.slice(0, tokens.length - at)));
    const { logits: ours } = await decoder.read(decodeWeights(config, weights), prompts);
    expect(largestGap(ours, logits.toReversed().flat())).toBeLessThan(1e-4);
  });

  test('writes the same greedy continuation as transformers', async () => {
    const { tokens, greedy } = await expectedOf(name);
    await using engine = await openEmbeddedEngine({ model: `${golden}/${name}`, lanes: 1 });
    const prompts = [{ key: 'a', prompt: Int32Array.from(tokens), count: 1 }];
    const request = { prompts, maxTokens: greedy.length, temperature: 0, seed: 1 };
    const end = greedy.includes(0) ? greedy.indexOf(0) + 1 : greedy.length;
    const written: number[] = [];
    for await (const one of engine.sampler.sample(request))
      if (one.type === 'completion') written.push(...one.transcript.tokens.subarray(tokens.length));
    expect(written).toEqual(greedy.slice(0, end));
  });

  test.each([false, true])(
    'computes the same gradient as transformers for every weight (layer by layer: %s)',
    async (inLayers) => {
      const { tokens, gradient: theirs } = await expectedOf(name);
      const { config, weights } = await load(name);
      await using runner = createMicrobatchRunner({ config, threads: 1, memoryBudgetBytes: 1e9 });
      const weight = 1 / (tokens.length - 1);
      const zeros = new Float32Array(tokens.length);
      const sequence = {
        tokens: Int32Array.from(tokens),
        weights: zeros.map((_, at) => (at === 0 ? 0 : weight)),
        advantages: zeros,
        rolloutLogprobs: zeros,
      };
      const shape = { rows: 1, positions: tokens.length - 1 };
      const feeds = { ...tokenFeeds([sequence], shape), ...lossFeeds([sequence], shape) };
      const gradient = new Float32Array(weights.length);
      await runner.gradient({
        weights,
        shape,
        feeds,
        spec: crossEntropyLoss,
        gradient,
        inLayers,
        keptLayers: 1,
      });
      const found = checkpointTensors(config, gradient);
      expect(found.map((tensor) => tensor.name).toSorted()).toEqual(Object.keys(theirs).toSorted());
      const wrong = found.filter(({ name: tensor, data }) => {
        const [norm, projection] = theirs[tensor]!;
        const ours = data.reduce((sum, value, i) => sum - value * Math.cos(i + 1), 0);
        const gap = Math.max(Math.abs(Math.hypot(...data) - norm), Math.abs(ours - projection));
        return gap >= 1e-3 * norm + 1e-6;
      });
      expect(wrong.map((tensor) => tensor.name)).toEqual([]);
    },
  );

  test('exports a folder that describes the same model', async () => {
    const scratch = await mkdtemp(join(tmpdir(), 'family-'));
    try {
      const before = await openModelFolder(`${golden}/${name}`);
      await using engine = await openEmbeddedEngine({ model: before.path, lanes: 1 });
      await engine.weights.exportModel(join(scratch, 'exported'));
      const after = await openModelFolder(join(scratch, 'exported'));
      expect(after.config).toEqual(before.config);
      await using again = await openEmbeddedEngine({ model: after.path, lanes: 1 });
      expect(again.sampler.info.modelHash).toBe(engine.sampler.info.modelHash);
      expect(await readdir(after.path)).toContain('tokenizer.json');
    } finally {
      await rm(scratch, { recursive: true });
    }
  });
});

test('the embedded engine rejects a mixture of experts and names the engine that runs it', async () => {
  await expect(openEmbeddedEngine({ model: `${golden}/qwen3-moe` })).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    message: `${golden}/qwen3-moe: expected a dense model for the embedded engine, got a mixture of experts (qwen3_moe)`,
    tryNext: expect.stringContaining('torch') as string,
  });
});
