import type { JsonObject } from './json-file.ts';
import { type BlockNorms, normsBefore } from './block-norms.ts';

/**
 * Properties in which a `model_type` differs from Llama and which `config.json` does not contain, because the class in
 * transformers fixes them. Checked against transformers 5.23 by `scripts/make-family-fixtures.py`.
 */
export interface Family {
  /** Name of the class in transformers. */
  readonly className: string;
  /** Values of keys that `config.json` may omit. */
  readonly defaults: JsonObject;
  /** Keys with only one supported value; they may be absent. */
  readonly fixed: JsonObject;
  readonly norms: BlockNorms;
  /** Whether norms multiply by 1 + weight. */
  readonly normOffset?: boolean;
  /** RMSNorm of queries and keys before rotation: over each head, or over the entire projection. */
  readonly queryKeyNorm?: 'head' | 'projection';
  /** Biases of the q, k and v projections: always present, or as specified by the key `attention_bias`. */
  readonly attentionBias?: 'always' | 'stated';
  /** Whether `attention_bias` also adds a bias to the output projection. */
  readonly outputBias?: boolean;
  /** Whether the key `mlp_bias` adds biases to the feed-forward projections. */
  readonly mlpBias?: boolean;
  /** Whether the checkpoint joins q, k, v and gate, up: `qkv_proj`, `gate_up_proj`. */
  readonly fusedProjections?: boolean;
  /** Layers with a sliding window if `layer_types` is absent; see `slidingWindow` in `config-file.ts`. */
  readonly window?: 'every' | 'odd' | 'pattern' | 'unrotated' | 'last';
  /** Whether the window applies only with `use_sliding_window`. */
  readonly windowSwitch?: boolean;
  /** Whether layers with a sliding window have their own `rope_theta`. */
  readonly localRope?: boolean;
  /** Whether some layers have no rotary embedding: `no_rope_layers`, `no_rope_layer_interval`. */
  readonly unrotatedLayers?: boolean;
  /** Whether part of each head is not rotated (`partial_rotary_factor`), and every rotary scaling is LongRoPE. */
  readonly longRope?: boolean;
  /**
   * Whether embeddings are multiplied by √hidden_size and scores by 1/√query_pre_attn_scalar; scores and logits may be
   * capped.
   */
  readonly gemma?: boolean;
  /** Whether constants multiply the embeddings, scores, residual updates and logits. */
  readonly multipliers?: boolean;
  /** Whether layers route tokens to experts. */
  readonly experts?: boolean;
}

const normsAfter: BlockNorms = {
  attention: [null, 'post_attention_layernorm'],
  feedForward: [null, 'post_feedforward_layernorm'],
};
const normsAround: BlockNorms = {
  attention: ['input_layernorm', 'post_attention_layernorm'],
  feedForward: ['pre_feedforward_layernorm', 'post_feedforward_layernorm'],
};

const silu = { hidden_act: 'silu' };
const noWindow = { use_sliding_window: false };
const gemma = {
  norms: normsAround,
  normOffset: true,
  attentionBias: 'stated',
  outputBias: true,
  fixed: { hidden_activation: 'gelu_pytorch_tanh', use_bidirectional_attention: false },
  gemma: true,
} as const;
const gemmaDefaults = {
  rms_norm_eps: 1e-6,
  tie_word_embeddings: true,
  num_key_value_heads: 4,
  head_dim: 256,
  query_pre_attn_scalar: 256,
  sliding_window: 4096,
};
// transformers ignores the layer_types of Mistral and applies the window everywhere.
const mistral = { norms: normsBefore, fixed: { ...silu, layer_types: null }, window: 'every' } as const;
const mistralDefaults = { num_key_value_heads: 8, max_position_embeddings: 131_072, sliding_window: 4096 };

/** Supported families by `model_type`. */
export const families = {
  llama: {
    className: 'LlamaForCausalLM',
    defaults: { max_position_embeddings: 2048 },
    fixed: { ...silu, ...noWindow },
    norms: normsBefore,
    attentionBias: 'stated',
    outputBias: true,
    mlpBias: true,
  },
  qwen2: {
    className: 'Qwen2ForCausalLM',
    defaults: { max_position_embeddings: 32_768, max_window_layers: 28, sliding_window: 4096 },
    fixed: { ...silu, attention_bias: false, mlp_bias: false },
    norms: normsBefore,
    attentionBias: 'always',
    window: 'last',
    windowSwitch: true,
  },
  qwen3: {
    className: 'Qwen3ForCausalLM',
    defaults: {
      max_position_embeddings: 32_768,
      max_window_layers: 28,
      sliding_window: 4096,
      num_key_value_heads: 32,
      head_dim: 128,
    },
    fixed: silu,
    norms: normsBefore,
    queryKeyNorm: 'head',
    attentionBias: 'stated',
    outputBias: true,
    window: 'last',
    windowSwitch: true,
  },
  qwen3_moe: {
    className: 'Qwen3MoeForCausalLM',
    defaults: {
      max_position_embeddings: 32_768,
      sliding_window: 4096,
      num_key_value_heads: 4,
      decoder_sparse_step: 1,
      moe_intermediate_size: 768,
      num_experts_per_tok: 8,
      num_experts: 128,
      norm_topk_prob: false,
    },
    fixed: silu,
    norms: normsBefore,
    queryKeyNorm: 'head',
    attentionBias: 'stated',
    outputBias: true,
    window: 'every',
    windowSwitch: true,
    experts: true,
  },
  mistral: { className: 'MistralForCausalLM', defaults: mistralDefaults, ...mistral },
  ministral: { className: 'MinistralForCausalLM', defaults: mistralDefaults, ...mistral, fixed: silu },
  ministral3: {
    className: 'Ministral3ForCausalLM',
    defaults: { num_key_value_heads: 8, head_dim: 128, max_position_embeddings: 262_144, rms_norm_eps: 1e-5 },
    ...mistral,
  },
  gemma2: {
    className: 'Gemma2ForCausalLM',
    defaults: {
      ...gemmaDefaults,
      max_position_embeddings: 8192,
      final_logit_softcapping: 30,
      attn_logit_softcapping: 50,
    },
    ...gemma,
    window: 'odd',
  },
  gemma3_text: {
    className: 'Gemma3ForCausalLM',
    defaults: {
      ...gemmaDefaults,
      max_position_embeddings: 131_072,
      rope_theta: 1_000_000,
      rope_local_base_freq: 10_000,
      sliding_window_pattern: 6,
    },
    ...gemma,
    queryKeyNorm: 'head',
    window: 'pattern',
    localRope: true,
  },
  phi3: {
    className: 'Phi3ForCausalLM',
    defaults: {
      max_position_embeddings: 4096,
      original_max_position_embeddings: 4096,
      rms_norm_eps: 1e-5,
      partial_rotary_factor: 1,
    },
    fixed: silu,
    norms: normsBefore,
    fusedProjections: true,
    window: 'every',
    longRope: true,
  },
  olmo2: {
    className: 'Olmo2ForCausalLM',
    defaults: { max_position_embeddings: 2048, rms_norm_eps: 1e-5 },
    fixed: silu,
    norms: normsAfter,
    queryKeyNorm: 'projection',
    attentionBias: 'stated',
    outputBias: true,
  },
  smollm3: {
    className: 'SmolLM3ForCausalLM',
    defaults: {
      max_position_embeddings: 32_768,
      num_key_value_heads: 4,
      rope_theta: 2_000_000,
      no_rope_layer_interval: 4,
      tie_word_embeddings: true,
    },
    fixed: silu,
    norms: normsBefore,
    attentionBias: 'stated',
    outputBias: true,
    mlpBias: true,
    window: 'unrotated',
    windowSwitch: true,
    unrotatedLayers: true,
  },
  granite: {
    className: 'GraniteForCausalLM',
    defaults: {
      max_position_embeddings: 2048,
      embedding_multiplier: 1,
      logits_scaling: 1,
      residual_multiplier: 1,
      attention_multiplier: 1,
    },
    fixed: silu,
    norms: normsBefore,
    attentionBias: 'stated',
    outputBias: true,
    mlpBias: true,
    multipliers: true,
  },
} as const satisfies Readonly<Record<string, Family>>;

/** A supported `model_type`. */
export type Architecture = keyof typeof families;
