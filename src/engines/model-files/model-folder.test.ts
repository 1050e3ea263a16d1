import { cp, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DataError } from '../../core/errors.ts';
import { exportedConfigJson, newConfigJson, parseModelConfig } from './config-file.ts';
import { openModelFolder } from './model-folder.ts';
import { openSafetensors, writeSafetensors } from './safetensors.ts';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'model-folder-'));
});
afterAll(() => rm(scratch, { recursive: true }));

const golden = (name: string): string => `test/golden/parity-${name}`;
let copies = 0;

async function copyOf(name: string): Promise<string> {
  const path = join(scratch, `${name}-${copies++}`);
  await cp(golden(name), path, { recursive: true });
  return path;
}

async function edit(path: string, change: (json: Record<string, unknown>) => void): Promise<void> {
  const json = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  change(json);
  await writeFile(path, JSON.stringify(json));
}

/** Opens a folder and reads one tensor from it. */
async function load(path: string, name = 'model.norm.weight', shape = [32]): Promise<Float32Array> {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  await (await openModelFolder(path)).readWeights([{ name, shape, data }]);
  return data;
}

test('an exported config describes the same model', async () => {
  for (const name of ['qwen2', 'llama']) {
    const { config, json } = await openModelFolder(golden(name));
    const exported = exportedConfigJson(json, config.tieEmbeddings);
    expect(parseModelConfig(exported, 'config.json')).toEqual(config);
    expect(exported).not.toHaveProperty('rope_parameters');
  }
  const { config } = await openModelFolder(golden('qwen2'));
  expect(parseModelConfig(newConfigJson(config), 'config.json')).toEqual(config);
});

const configEdits: [what: string, change: Record<string, unknown>, message: RegExp][] = [
  ['another architecture', { model_type: 'gpt2' }, /"model_type" to be "llama" or "qwen2" or .*, got "gpt2"/],
  [
    'a missing key',
    { hidden_size: undefined },
    /"hidden_size" to be a whole number of at least 1, got nothing/,
  ],
  ['a fractional size', { num_hidden_layers: 2.5 }, /"num_hidden_layers" to be a whole number.*got 2.5/],
  ['text for a number', { vocab_size: '56' }, /"vocab_size" to be a whole number.*got "56"/],
  ['another activation', { hidden_act: 'gelu' }, /"hidden_act" to be "silu"/],
  [
    'a window of unknown size',
    { layer_types: ['sliding_attention', 'full_attention'] },
    /"sliding_window" to be a window size/,
  ],
  [
    'an unknown kind of layer',
    { layer_types: ['full_attention', 'mamba'] },
    /"layer_types" to be a list of 2 entries, each full_attention or/,
  ],
  ['heads that do not divide', { num_key_value_heads: 3 }, /multiple of "num_key_value_heads", got 4 and 3/],
  [
    'an unknown rotary scaling',
    { rope_parameters: { rope_type: 'mrope' } },
    /"rope_parameters.rope_type" to be/,
  ],
  [
    'a rotary scaling without its numbers',
    { rope_parameters: { rope_type: 'llama3' } },
    /rope_parameters.factor/,
  ],
];
test.each(configEdits)(
  'config.json with %s is rejected with an error that names the key',
  async (_, change, message) => {
    const path = await copyOf('qwen2');
    await edit(join(path, 'config.json'), (json) => Object.assign(json, change));
    await expect(openModelFolder(path)).rejects.toThrow(message);
    await expect(openModelFolder(path)).rejects.toBeInstanceOf(DataError);
  },
);

test('errors name the missing file', async () => {
  await expect(openModelFolder(join(scratch, 'nowhere'))).rejects.toThrow(/nowhere: expected a model folder/);
  for (const [model, file, message] of [
    ['qwen2', 'config.json', /config.json: expected a JSON file, but the file does not exist/],
    ['qwen2', 'tokenizer.json', /tokenizer.json: expected a JSON file, but the file does not exist/],
    ['qwen2', 'model.safetensors', /expected model.safetensors or model.safetensors.index.json, got neither/],
    [
      'llama',
      'model-00002-of-00002.safetensors',
      /expected the shard model-00002-of-00002.safetensors in the same folder/,
    ],
  ] as const) {
    const path = await copyOf(model);
    await rm(join(path, file));
    await expect(load(path)).rejects.toThrow(message);
    await expect(load(path)).rejects.toBeInstanceOf(DataError);
  }
});

test('pickled weights are rejected with an error that names the command to convert them', async () => {
  const path = await copyOf('qwen2');
  await rename(join(path, 'model.safetensors'), join(path, 'pytorch_model.bin'));
  const error: unknown = await load(path).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: 'PICKLED_WEIGHTS',
    message: `${path}: expected weights as model.safetensors, got pytorch_model.bin, which may execute code when it is read`,
  });
  expect((error as DataError).tryNext).toContain('.save_pretrained(t)');
});

test('a GGUF file is rejected with an error that names the command to import it', async () => {
  await expect(openModelFolder('test/golden/gguf/llama.gguf')).rejects.toMatchObject({
    code: 'MODEL_IS_GGUF',
    tryNext: 'gradus models import test/golden/gguf/llama.gguf',
  });
});

test('weights with unexpected shapes or names are rejected with an error that names the tensor', async () => {
  await expect(load(golden('qwen2'), 'model.norm.weight', [31])).rejects.toThrow(
    /"model.norm.weight" of shape \[31\], got \[32\]/,
  );
  await expect(load(golden('qwen2'), 'model.nothing')).rejects.toThrow(
    /expected a tensor "model.nothing", got none/,
  );
  await expect(load(golden('llama'), 'model.nothing')).rejects.toThrow(
    /expected a shard for "model.nothing"/,
  );
});

test('a weight file that is truncated or not in safetensors format is rejected', async () => {
  const path = await copyOf('qwen2');
  const file = join(path, 'model.safetensors');
  const whole = await readFile(file);
  for (const size of [whole.length - 1, 20_000, 500, 7, 0]) {
    await truncate(file, size);
    await expect(load(path)).rejects.toBeInstanceOf(DataError);
    await writeFile(file, whole);
  }
  await writeFile(file, 'version https://git-lfs.github.com/spec/v1\n');
  await expect(load(path)).rejects.toBeInstanceOf(DataError);
  await writeFile(join(path, 'config.json'), '{"model_type": ');
  await expect(load(path)).rejects.toThrow(/config.json: expected JSON/);
});

describe('a checkpoint whose config ties the head to the embedding', () => {
  const shape = [56, 32];
  const embeddingName = 'model.embed_tokens.weight';
  const headName = 'lm_head.weight';

  /** Writes the weights of a golden model to one file, with a head that `change` computes from the embedding. */
  async function withHead(change: (values: Float32Array) => Float32Array): Promise<string> {
    const path = await copyOf('qwen2');
    const embedding = await load(path, embeddingName, shape);
    const tensors = [
      { name: embeddingName, shape, data: embedding },
      { name: headName, shape, data: change(embedding) },
    ];
    await writeSafetensors(join(path, 'model.safetensors'), tensors, 'f32');
    return path;
  }

  test('keeps a head that differs in its last value', async () => {
    const path = await withHead((values) =>
      Float32Array.from(values, (v, i) => (i === 56 * 32 - 1 ? v + 1 : v)),
    );
    expect((await openModelFolder(path)).config.tieEmbeddings).toBe(false);
  });

  test('keeps a head that is in a different shard and differs from the embedding', async () => {
    const path = await copyOf('llama');
    await edit(join(path, 'config.json'), (json) => (json['tie_word_embeddings'] = true));
    expect((await openModelFolder(path)).config.tieEmbeddings).toBe(false);
  });

  test('stays tied if the head equals the embedding or is missing, or if the folder has no weights', async () => {
    const path = await withHead((values) => values);
    expect((await openModelFolder(path)).config.tieEmbeddings).toBe(true);
    expect((await openModelFolder(golden('qwen2'))).config.tieEmbeddings).toBe(true);
    await rm(join(path, 'model.safetensors'));
    expect((await openModelFolder(path)).config.tieEmbeddings).toBe(true);
  });
});

test('rejects the tokenizer of a different model, and a tokenizer without an end token', async () => {
  const foreign = await copyOf('qwen2');
  await edit(join(foreign, 'config.json'), (json) => (json['vocab_size'] = 20));
  await expect(openModelFolder(foreign)).rejects.toThrow(/at most 20 tokens.*belong to different models/);
  const endless = await copyOf('llama');
  for (const file of ['config.json', 'generation_config.json', 'tokenizer_config.json']) {
    await edit(join(endless, file), (json) => {
      delete json['eos_token'];
      delete json['eos_token_id'];
    });
  }
  await expect(openModelFolder(endless)).rejects.toThrow(/expected an end token/);
});

test("end tokens are collected from all files, the tokenizer's own first", async () => {
  const path = await copyOf('llama');
  await edit(join(path, 'generation_config.json'), (json) => (json['eos_token_id'] = [5, 0, 7]));
  expect((await openModelFolder(path)).tokenizer.endTokens).toEqual([0, 5, 7]);
});

test('a chat template is read from the settings or its own file, and its errors are reported', async () => {
  const path = await copyOf('llama');
  const named = [
    { name: 'default', template: '{{ bos_token }}{{ messages[0].content }}{{ strftime_now("%d") }}' },
  ];
  await edit(join(path, 'tokenizer_config.json'), (json) => (json['chat_template'] = named));
  const { tokenizer } = await openModelFolder(path);
  const prompt = tokenizer.encodePrompt([{ role: 'user', content: '1+1' }]);
  expect(tokenizer.decode(prompt)).toBe('1+126 Jul 2024'.replaceAll(/[^\d+ a-z]/g, ''));
  await writeFile(join(path, 'chat_template.jinja'), '{{ raise_exception("no") }}');
  const refusing = await openModelFolder(path);
  expect(() => refusing.tokenizer.encodePrompt([{ role: 'user', content: '1' }])).toThrow(
    /accepts these messages/,
  );
  await writeFile(join(path, 'chat_template.jinja'), '{% if %}');
  await expect(openModelFolder(path)).rejects.toThrow(/expected a chat template that parses/);
});

test('float32 round-trips exactly; bfloat16 rounds to nearest, ties to even', async () => {
  const path = join(scratch, 'round.safetensors');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.float(), { minLength: 1, maxLength: 40 }), async (values) => {
      const data = Float32Array.from(values);
      const read = async (type: 'bf16' | 'f32'): Promise<Float32Array> => {
        await writeSafetensors(path, [{ name: 'x', shape: [data.length], data }], type);
        await using file = await openSafetensors(path);
        const target = new Float32Array(data.length);
        await file.read({ name: 'x', shape: [data.length], data: target });
        return target;
      };
      expect(await read('f32')).toEqual(data);
      const rounded = await read('bf16');
      // 8 significant bits: at most half a unit in the last place away, or half the smallest subnormal.
      const unit = (value: number): number =>
        Math.max(2 ** -133, 2 ** (Math.floor(Math.log2(Math.abs(value))) - 7));
      const isNearest = (value: number, i: number): boolean =>
        Number.isNaN(value)
          ? Number.isNaN(rounded[i])
          : Math.abs(value) > 3e38 || Math.abs(rounded[i]! - value) <= unit(value) / 2;
      expect(values.filter((value, i) => !isNearest(Math.fround(value), i))).toEqual([]);
    }),
    { numRuns: 40 },
  );
  const tie = Float32Array.from([1 + 2 ** -8, 1 + 3 * 2 ** -8]);
  await writeSafetensors(path, [{ name: 'x', shape: [2], data: tie }], 'bf16');
  await using file = await openSafetensors(path);
  const target = new Float32Array(2);
  await file.read({ name: 'x', shape: [2], data: target });
  expect([...target]).toEqual([1, 1 + 2 ** -6]);
});

test('half precision is decoded exactly', async () => {
  const header = JSON.stringify({ x: { dtype: 'F16', shape: [6], data_offsets: [0, 12] } });
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x3555);
  const bytes = Buffer.concat([Buffer.alloc(8), Buffer.from(header), Buffer.from(halves.buffer)]);
  bytes.writeBigUInt64LE(BigInt(header.length));
  await writeFile(join(scratch, 'half.safetensors'), bytes);
  await using file = await openSafetensors(join(scratch, 'half.safetensors'));
  const data = new Float32Array(6);
  await file.read({ name: 'x', shape: [6], data });
  expect([...data]).toEqual([1, -2, 2 ** -24, 65_504, Infinity, 0.333_251_953_125]);
});
