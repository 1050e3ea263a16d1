/**
 * The shape of a decoder-only transformer, from a Hugging Face `config.json`. Covers Qwen2 (biases on q, k, v) and
 * Llama (no biases): RMSNorm, rotary embedding (rotate-half), grouped-query attention, SwiGLU.
 */
export interface ModelConfig {
  readonly architecture: 'qwen2' | 'llama';
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly intermediateSize: number;
  readonly normEpsilon: number;
  readonly ropeTheta: number;
  /** Llama 3.x frequency scaling; `null` for plain rotary embedding. */
  readonly ropeScaling: LlamaRopeScaling | null;
  readonly maxPositions: number;
  /** The output projection shares the embedding matrix. */
  readonly tieEmbeddings: boolean;
  /** q, k and v projections have biases. */
  readonly attentionBias: boolean;
}

/** Parameters of `rope_type: llama3`. */
export interface LlamaRopeScaling {
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  readonly originalMaxPositions: number;
}
