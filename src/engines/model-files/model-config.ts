import type { BlockNorms } from './block-norms.ts';
import type { Architecture } from './families.ts';

/**
 * The shape of a decoder-only transformer, from a Hugging Face `config.json`. Without the optional fields, it
 * describes Llama: RMSNorm before attention and feed-forward, rotary embedding (rotate-half), grouped-query
 * attention, SwiGLU. Each optional field adds one difference; all engines read the same description.
 */
export interface ModelConfig {
  readonly architecture: Architecture;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly intermediateSize: number;
  readonly normEpsilon: number;
  readonly ropeTheta: number;
  /** Scaling of the rotary frequencies for long sequences; `null` for plain rotary embedding. */
  readonly ropeScaling: RopeScaling | null;
  /** Longest sequence in tokens. */
  readonly maxPositions: number;
  /** Whether the output projection shares the embedding matrix. */
  readonly tieEmbeddings: boolean;
  /** Whether the q, k and v projections have biases. */
  readonly attentionBias: boolean;
  /** Whether the output projection of attention has a bias. */
  readonly outputBias?: boolean | undefined;
  /** Whether the feed-forward projections have biases. */
  readonly mlpBias?: boolean | undefined;
  /** Names and positions of the norms in a block. */
  readonly norms?: BlockNorms | undefined;
  /** Whether norms multiply by 1 + weight. */
  readonly normOffset?: boolean | undefined;
  /** RMSNorm of queries and keys before rotation: over each head, or over the entire projection. */
  readonly queryKeyNorm?: 'head' | 'projection' | undefined;
  /** Whether the activation is GELU (tanh approximation) instead of SiLU. */
  readonly gelu?: boolean | undefined;
  /** Whether the checkpoint stores q, k and v as one matrix, and gate and up as another. */
  readonly fusedProjections?: boolean | undefined;
  /** Layers whose queries attend only to the last `size` positions, including their own. */
  readonly slidingWindow?: { readonly size: number; readonly layers: readonly number[] } | undefined;
  /** RoPE theta of the layers with a sliding window, whose frequencies are not scaled. */
  readonly localRopeTheta?: number | undefined;
  /** Layers without rotary embedding. */
  readonly unrotatedLayers?: readonly number[] | undefined;
  /** Number of elements at the start of each head that are rotated; absent: all. */
  readonly rotarySize?: number | undefined;
  /** Factor by which the embeddings are multiplied. */
  readonly embeddingScale?: number | undefined;
  /** Factor by which the attention scores are multiplied; absent: 1/√headSize. */
  readonly attentionScale?: number | undefined;
  /** Factor by which each half-block multiplies its update to the residual stream. */
  readonly residualScale?: number | undefined;
  /** Factor by which the logits are multiplied. */
  readonly logitScale?: number | undefined;
  /** Scores become cap · tanh(score / cap). */
  readonly attentionCap?: number | undefined;
  /** Logits become cap · tanh(logit / cap). */
  readonly logitCap?: number | undefined;
  /** Mixture-of-experts feed-forward layers; absent: all layers are dense. */
  readonly experts?: Experts | undefined;
}

/**
 * A mixture of experts: each token passes through the `perToken` experts with the highest router probability.
 */
export interface Experts {
  readonly count: number;
  readonly perToken: number;
  /** Intermediate size of one expert. */
  readonly size: number;
  /** Whether the probabilities of the chosen experts are rescaled to sum to 1. */
  readonly normalise: boolean;
  /** Layers with experts; the others are dense. */
  readonly layers: readonly number[];
}

/** Scaling of rotary frequencies, by its `rope_type`. */
export type RopeScaling =
  /** Divides all frequencies. */
  | { readonly type: 'linear'; readonly factor: number }
  /** Llama 3.1: divides low frequencies, keeps high ones, and interpolates between them. */
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalMaxPositions: number;
    }
  /** YaRN (Peng et al. 2023): interpolates between element `low` and `high`, and scales the rotated elements. */
  | {
      readonly type: 'yarn';
      readonly factor: number;
      readonly low: number;
      readonly high: number;
      readonly attentionFactor: number;
    }
  /** LongRoPE (Ding et al. 2024) within the original context: divides each frequency by its own factor. */
  | { readonly type: 'longrope'; readonly factors: readonly number[]; readonly attentionFactor: number };
