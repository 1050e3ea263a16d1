import { DataError } from '../../core/errors.ts';
import { normsBefore } from './block-norms.ts';
import { type Architecture, families, type Family } from './families.ts';
import type { JsonObject } from './json-file.ts';
import { type KeyReader, keyReader } from './key-reader.ts';
import type { Experts, ModelConfig } from './model-config.ts';
import { parseRope } from './rope.ts';

/**
 * Parses the shape of a model from a Hugging Face `config.json`, as written by transformers 4 and 5. Takes a value that
 * the file omits, because the class in transformers fixes it, from `families`. Throws a `DataError` that names the key,
 * the expected and the actual value, including for unsupported variants.
 *
 * @param file name of the file, for error messages
 */
export function parseModelConfig(json: JsonObject, file: string): ModelConfig {
  const architecture = keyReader(json, file).oneOf('model_type', Object.keys(families) as Architecture[]);
  const family: Family = families[architecture];
  const keys = keyReader({ ...family.defaults, ...json }, file);
  for (const [key, value] of Object.entries(family.fixed)) keys.only(key, value);
  const hiddenSize = keys.count('hidden_size');
  const heads = keys.count('num_attention_heads');
  const layers = keys.count('num_hidden_layers');
  const headSize = keys.count('head_dim', hiddenSize / heads);
  const rope = parseRope(keys, family, layers, headSize);
  const config: ModelConfig = {
    architecture,
    vocabSize: keys.count('vocab_size'),
    hiddenSize,
    layers,
    heads,
    keyValueHeads: keys.count('num_key_value_heads', heads),
    headSize,
    intermediateSize: keys.count('intermediate_size'),
    normEpsilon: keys.positive('rms_norm_eps', 1e-6),
    ...rope,
    tieEmbeddings: keys.flag('tie_word_embeddings', false),
    ...biases(keys, family),
    norms: family.norms === normsBefore ? undefined : family.norms,
    normOffset: family.normOffset,
    queryKeyNorm: family.queryKeyNorm,
    fusedProjections: family.fusedProjections,
    slidingWindow: slidingWindow(keys, family, layers, rope),
    ...(family.gemma === true && gemmaScales(keys, hiddenSize)),
    ...(family.multipliers === true && multipliers(keys)),
    experts: family.experts === true ? experts(keys, layers) : undefined,
  };
  checkHeads(config, file);
  return config;
}

/** Builds the `config.json` of a new Llama or Qwen2 model. Existing folders keep their file. */
export function newConfigJson(config: ModelConfig): JsonObject {
  return {
    architectures: [families[config.architecture].className],
    model_type: config.architecture,
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
    max_position_embeddings: config.maxPositions,
    tie_word_embeddings: config.tieEmbeddings,
  };
}

/**
 * Builds the `config.json` of a trained model from the original one. Writes the settings of the rotary embedding in the
 * format of transformers 4, which transformers 5 can also read.
 */
export function exportedConfigJson(json: JsonObject, tieEmbeddings: boolean): JsonObject {
  const { rope_parameters: rope, dtype: _, ...rest } = json;
  const known = { ...rest, tie_word_embeddings: tieEmbeddings };
  if (rope === undefined || rope === null) return known;
  const { rope_theta: theta, ...scaling } = rope as JsonObject;
  // The format of transformers 4 cannot express parameters per layer type.
  if (theta === undefined) return { ...known, rope_parameters: rope };
  const isPlain = (scaling['rope_type'] ?? 'default') === 'default' && !('partial_rotary_factor' in scaling);
  return { ...known, rope_theta: theta, ...(!isPlain && { rope_scaling: scaling }) };
}

function biases(
  keys: KeyReader,
  { attentionBias, outputBias, mlpBias }: Family,
): Pick<ModelConfig, 'attentionBias' | 'outputBias' | 'mlpBias'> {
  const stated = attentionBias === 'stated' && keys.flag('attention_bias', false);
  return {
    attentionBias: stated || attentionBias === 'always',
    outputBias: (outputBias === true && stated) || undefined,
    mlpBias: (mlpBias === true && keys.flag('mlp_bias', false)) || undefined,
  };
}

/** Returns the sliding window and its layers; no window if no sequence can be longer than it. */
function slidingWindow(
  keys: KeyReader,
  family: Family,
  layers: number,
  { unrotatedLayers = [], maxPositions }: Pick<ModelConfig, 'unrotatedLayers' | 'maxPositions'>,
): ModelConfig['slidingWindow'] {
  const isOn = family.windowSwitch !== true || keys.flag('use_sliding_window', false);
  const size =
    isOn && family.window !== undefined && keys.has('sliding_window')
      ? keys.count('sliding_window')
      : undefined;
  const all = Array.from({ length: layers }, (_, layer) => layer);
  const slides = (layer: number): boolean => {
    switch (family.window) {
      case 'odd':
        return layer % 2 === 0;
      case 'pattern':
        return (layer + 1) % keys.count('sliding_window_pattern') !== 0;
      case 'unrotated':
        return unrotatedLayers.includes(layer);
      case 'last':
        return layer >= keys.count('max_window_layers');
      default:
        return true;
    }
  };
  const types = keys.has('layer_types')
    ? keys.choices('layer_types', layers, ['full_attention', 'sliding_attention'])
    : all.map((layer) => (size !== undefined && slides(layer) ? 'sliding_attention' : 'full_attention'));
  const sliding = all.filter((layer) => types[layer] === 'sliding_attention');
  if (sliding.length === 0) return undefined;
  if (size === undefined)
    return keys.refuse('sliding_window', 'a window size, because layer_types has "sliding_attention"');
  return size >= maxPositions ? undefined : { size, layers: sliding };
}

function gemmaScales(
  keys: KeyReader,
  hiddenSize: number,
): Pick<ModelConfig, 'gelu' | 'embeddingScale' | 'attentionScale' | 'attentionCap' | 'logitCap'> {
  return {
    gelu: true,
    embeddingScale: Math.sqrt(hiddenSize),
    attentionScale: 1 / Math.sqrt(keys.positive('query_pre_attn_scalar')),
    attentionCap: keys.optional('attn_logit_softcapping'),
    logitCap: keys.optional('final_logit_softcapping'),
  };
}

function multipliers(
  keys: KeyReader,
): Pick<ModelConfig, 'embeddingScale' | 'attentionScale' | 'residualScale' | 'logitScale'> {
  return {
    embeddingScale: keys.positive('embedding_multiplier'),
    attentionScale: keys.positive('attention_multiplier'),
    residualScale: keys.positive('residual_multiplier'),
    logitScale: 1 / keys.positive('logits_scaling'),
  };
}

function experts(keys: KeyReader, layers: number): Experts | undefined {
  const every = keys.count('decoder_sparse_step');
  const dense = keys.has('mlp_only_layers') ? keys.indices('mlp_only_layers') : [];
  const routed = Array.from({ length: layers }, (_, layer) => layer).filter(
    (layer) => (layer + 1) % every === 0 && !dense.includes(layer),
  );
  return {
    // transformers 5 writes `num_local_experts`, transformers 4 `num_experts`.
    count: keys.count(keys.has('num_local_experts') ? 'num_local_experts' : 'num_experts'),
    perToken: keys.count('num_experts_per_tok'),
    size: keys.count('moe_intermediate_size'),
    normalise: keys.flag('norm_topk_prob', false),
    layers: routed,
  };
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
