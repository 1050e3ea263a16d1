import { DataError } from '../../core/errors.ts';
import { describe, isJsonObject, type JsonObject } from './json-file.ts';
import type { LlamaRopeScaling, ModelConfig } from './model-config.ts';

/**
 * Parses the shape of a model from a Hugging Face `config.json`, as written by transformers 4 and 5.
 * Throws a `DataError` naming the key, the expected and the actual value; also for unsupported variants (sliding windows,
 * other activations, other rotary scalings).
 *
 * @param file name of the file in messages
 */
export function parseModelConfig(json: JsonObject, file: string): ModelConfig {
  const keys = keyReader(json, file);
  const architecture = keys.oneOf('model_type', ['qwen2', 'llama']);
  keys.only('hidden_act', 'silu');
  keys.only('use_sliding_window', false);
  keys.only('attention_bias', false);
  keys.only('mlp_bias', false);
  const hiddenSize = keys.count('hidden_size');
  const heads = keys.count('num_attention_heads');
  const config: ModelConfig = {
    architecture,
    vocabSize: keys.count('vocab_size'),
    hiddenSize,
    layers: keys.count('num_hidden_layers'),
    heads,
    keyValueHeads: keys.count('num_key_value_heads', heads),
    headSize: keys.count('head_dim', hiddenSize / heads),
    intermediateSize: keys.count('intermediate_size'),
    normEpsilon: keys.positive('rms_norm_eps', 1e-6),
    ...rotary(keys),
    maxPositions: keys.count('max_position_embeddings', architecture === 'qwen2' ? 32_768 : 2048),
    tieEmbeddings: keys.flag('tie_word_embeddings', false),
    attentionBias: architecture === 'qwen2',
  };
  checkHeads(config, file);
  return config;
}

/** Builds the `config.json` that `parseModelConfig` reads back and transformers loads. */
export function modelConfigJson(config: ModelConfig): JsonObject {
  const { architecture, ropeScaling } = config;
  return {
    architectures: [architecture === 'qwen2' ? 'Qwen2ForCausalLM' : 'LlamaForCausalLM'],
    model_type: architecture,
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.keyValueHeads,
    head_dim: config.headSize,
    intermediate_size: config.intermediateSize,
    hidden_act: 'silu',
    rms_norm_eps: config.normEpsilon,
    rope_theta: config.ropeTheta,
    ...(ropeScaling === null
      ? {}
      : {
          rope_scaling: {
            rope_type: 'llama3',
            factor: ropeScaling.factor,
            low_freq_factor: ropeScaling.lowFrequencyFactor,
            high_freq_factor: ropeScaling.highFrequencyFactor,
            original_max_position_embeddings: ropeScaling.originalMaxPositions,
          },
        }),
    max_position_embeddings: config.maxPositions,
    tie_word_embeddings: config.tieEmbeddings,
  };
}

/** Reads theta and scaling: transformers 4 has `rope_theta` and `rope_scaling`, transformers 5 `rope_parameters`. */
function rotary(keys: KeyReader): { ropeTheta: number; ropeScaling: LlamaRopeScaling | null } {
  const parameters = keys.object('rope_parameters');
  const scaling = parameters ?? keys.object('rope_scaling');
  const ropeTheta = (parameters ?? keys).positive('rope_theta', 10_000);
  if (scaling === null) return { ropeTheta, ropeScaling: null };
  const typeKey = scaling.has('rope_type') ? 'rope_type' : 'type';
  const type = scaling.oneOf(typeKey, ['default', 'llama3'], 'default');
  if (type === 'default') return { ropeTheta, ropeScaling: null };
  const ropeScaling = {
    factor: scaling.positive('factor'),
    lowFrequencyFactor: scaling.positive('low_freq_factor'),
    highFrequencyFactor: scaling.positive('high_freq_factor'),
    originalMaxPositions: scaling.count('original_max_position_embeddings'),
  };
  return { ropeTheta, ropeScaling };
}

function checkHeads({ heads, keyValueHeads, headSize }: ModelConfig, file: string): void {
  if (heads % keyValueHeads !== 0) {
    const got = `${heads} and ${keyValueHeads}`;
    throw new DataError(
      `${file}: expected "num_attention_heads" to be a multiple of "num_key_value_heads", got ${got}`,
    );
  }
  if (headSize % 2 !== 0) {
    throw new DataError(
      `${file}: expected an even "head_dim" (rotary embedding pairs elements), got ${headSize}`,
    );
  }
}

/** Typed access to the keys of one object; every error names file and key. */
interface KeyReader {
  has(key: string): boolean;
  /** Reads a whole number ≥ 1. */
  count(key: string, fallback?: number): number;
  positive(key: string, fallback?: number): number;
  flag(key: string, fallback: boolean): boolean;
  oneOf<T extends string>(key: string, choices: readonly T[], fallback?: T): T;
  /** Rejects every other value; the key may be absent. */
  only(key: string, value: string | boolean): void;
  object(key: string): KeyReader | null;
}

function keyReader(json: JsonObject, file: string, prefix = ''): KeyReader {
  const present = (key: string): boolean => json[key] !== undefined && json[key] !== null;
  const refuse = (key: string, expected: string): never => {
    throw new DataError(`${file}: expected "${prefix}${key}" to be ${expected}, got ${describe(json[key])}`);
  };
  const read = <T>(
    key: string,
    expected: string,
    isRight: (value: unknown) => value is T,
    fallback?: T,
  ): T => {
    const value: unknown = present(key) ? json[key] : fallback;
    return isRight(value) ? value : refuse(key, expected);
  };
  const isPositive = (value: unknown): value is number =>
    typeof value === 'number' && value > 0 && value < Infinity;
  const isCount = (value: unknown): value is number => isPositive(value) && Number.isInteger(value);
  return {
    has: present,
    count: (key, fallback) => read(key, 'a whole number of at least 1', isCount, fallback),
    positive: (key, fallback) => read(key, 'a number above 0', isPositive, fallback),
    flag: (key, fallback) =>
      read(key, 'true or false', (value): value is boolean => typeof value === 'boolean', fallback),
    oneOf: <T extends string>(key: string, choices: readonly T[], fallback?: T): T => {
      const isChoice = (value: unknown): value is T => choices.some((choice) => choice === value);
      return read(key, choices.map((choice) => `"${choice}"`).join(' or '), isChoice, fallback);
    },
    only: (key, value) => {
      if (present(key) && json[key] !== value)
        refuse(key, `${JSON.stringify(value)} (nothing else is supported)`);
    },
    object: (key) => {
      if (!present(key)) return null;
      const value = json[key];
      return isJsonObject(value) ? keyReader(value, file, `${prefix}${key}.`) : refuse(key, 'an object');
    },
  };
}
