import { DataError } from '../../../core/errors.ts';
import type { JsonObject } from '../json-file.ts';
import type { GgufFile } from './gguf-file.ts';

/** GGUF architectures that can be imported, with the class that loads them in transformers. */
const classes = {
  llama: 'LlamaForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
} as const;

/** Architecture of an importable GGUF file; it equals `model_type` in `config.json`. */
export type GgufArchitecture = keyof typeof classes;

/** Returns the architecture of a GGUF file. Throws a `DataError` if it cannot be imported. */
export function architectureOf({ path, metadata }: GgufFile): GgufArchitecture {
  const name = metadata.get('general.architecture');
  if (typeof name === 'string' && name in classes) return name as GgufArchitecture;
  const known = Object.keys(classes).join(', ');
  throw new DataError(
    `${path}: expected a GGUF file of architecture ${known}, got ${String(name)}; ` +
      'download the safetensors folder of this model instead',
  );
}

/** Builds `config.json` from the metadata and tensor shapes of a GGUF file. */
export async function configFromGguf(file: GgufFile): Promise<JsonObject> {
  const architecture = architectureOf(file);
  const value = (key: string): number => positive(file, `${architecture}.${key}`);
  const optional = (key: string): number | undefined => {
    const found = file.metadata.get(`${architecture}.${key}`);
    return found === undefined ? undefined : value(key);
  };
  if (optional('expert_count') !== undefined) {
    throw new DataError(
      `${file.path}: expected a dense model, got a mixture of experts, which is unsupported`,
    );
  }
  const [hiddenSize, heads] = [value('embedding_length'), value('attention.head_count')];
  const headSize = optional('attention.key_length') ?? optional('rope.dimension_count') ?? hiddenSize / heads;
  const maxPositions = value('context_length');
  return {
    architectures: [classes[architecture]],
    model_type: architecture,
    vocab_size: file.tensors.get('token_embd.weight')?.shape[0] ?? 0,
    hidden_size: hiddenSize,
    num_hidden_layers: value('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: optional('attention.head_count_kv') ?? heads,
    head_dim: headSize,
    intermediate_size: value('feed_forward_length'),
    hidden_act: 'silu',
    rms_norm_eps: value('attention.layer_norm_rms_epsilon'),
    rope_theta: optional('rope.freq_base') ?? 10_000,
    ...(await ropeScaling(file, maxPositions, headSize)),
    max_position_embeddings: maxPositions,
    tie_word_embeddings: !file.tensors.has('output.weight'),
  };
}

function positive({ path, metadata }: GgufFile, key: string): number {
  const found = metadata.get(key);
  if (typeof found === 'number' && found > 0 && found < Infinity) return shortest(found);
  throw new DataError(`${path}: expected "${key}" to be a number above 0, got ${String(found)}`);
}

/** Returns the shortest decimal that rounds to this float32: 1e-5 for 9.999999747378752e-6. */
function shortest(value: number): number {
  const short = Number(value.toPrecision(7));
  return Math.fround(short) === value ? short : value;
}

async function ropeScaling(file: GgufFile, maxPositions: number, headSize: number): Promise<JsonObject> {
  if (file.tensors.has('rope_freqs.weight')) return { rope_scaling: await llama3Scaling(file, headSize) };
  const key = (name: string): string => `${architectureOf(file)}.rope.scaling.${name}`;
  const type = file.metadata.get(key('type')) ?? 'none';
  if (type === 'none') return {};
  if (type !== 'linear' && type !== 'yarn') {
    throw new DataError(
      `${file.path}: expected the RoPE scaling type to be none, linear or yarn, got ${String(type)}`,
    );
  }
  const original = file.metadata.get(key('original_context_length'));
  return {
    rope_scaling: {
      rope_type: type,
      factor: positive(file, key('factor')),
      ...(type === 'yarn' && {
        original_max_position_embeddings: typeof original === 'number' ? original : maxPositions,
      }),
    },
  };
}

/** The low and high frequency factors and the original context of all published Llama 3.x models. */
const llama3 = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };

/**
 * Recovers the parameters of Llama 3's rotary scaling from the divisors that GGUF stores. Throws a `DataError` if they
 * differ from the divisors of the published parameters.
 */
async function llama3Scaling(file: GgufFile, headSize: number): Promise<JsonObject> {
  const divisors = await file.read('rope_freqs.weight');
  const theta = file.metadata.get('llama.rope.freq_base');
  const factor = Math.max(...divisors);
  const { low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: original } = llama3;
  const gap = divisors.reduce((largest, divisor, i) => {
    const turns = (original * Number(theta) ** ((-2 * i) / headSize)) / (2 * Math.PI);
    const kept = Math.min(1, Math.max(0, (turns - low) / (high - low)));
    return Math.max(largest, Math.abs(1 / divisor - (kept + (1 - kept) / factor)));
  }, 0);
  if (gap < 1e-4) return { rope_type: 'llama3', factor, ...llama3 };
  throw new DataError(
    `${file.path}: expected the rotary frequencies of Llama 3 (low_freq_factor 1, high_freq_factor 4, 8192 positions), got other frequencies`,
  );
}
