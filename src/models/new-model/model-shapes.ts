import type { ModelConfig } from '../../engines/model-files/model-config.ts';

/** Shape of a new model, and the default size of its vocabulary. */
interface ModelShape {
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly vocabulary: number;
}

/**
 * Shapes of new models, named by their approximate number of parameters. The largest takes hours to train on CPU cores.
 */
export const modelShapes = {
  '0.3M': { hiddenSize: 96, layers: 3, heads: 3, intermediateSize: 256, vocabulary: 512 },
  '1M': { hiddenSize: 128, layers: 4, heads: 4, intermediateSize: 384, vocabulary: 512 },
  '5M': { hiddenSize: 256, layers: 6, heads: 8, intermediateSize: 704, vocabulary: 1024 },
  '15M': { hiddenSize: 384, layers: 8, heads: 6, intermediateSize: 1024, vocabulary: 2048 },
  '50M': { hiddenSize: 640, layers: 10, heads: 10, intermediateSize: 1728, vocabulary: 4096 },
} as const satisfies Readonly<Record<string, ModelShape>>;

/** Name of a size, such as `0.3M`. */
export type ModelSize = keyof typeof modelShapes;

/**
 * Returns the config of a new Qwen2 model with tied embeddings.
 *
 * @param tokens size of the vocabulary; the embedding is padded to a multiple of 8.
 */
export function newModelConfig(size: ModelSize, tokens: number, maxPositions: number): ModelConfig {
  const { hiddenSize, layers, heads, intermediateSize } = modelShapes[size];
  return {
    architecture: 'qwen2',
    vocabSize: Math.ceil(tokens / 8) * 8,
    hiddenSize,
    layers,
    heads,
    keyValueHeads: heads,
    headSize: hiddenSize / heads,
    intermediateSize,
    normEpsilon: 1e-6,
    ropeTheta: 10_000,
    ropeScaling: null,
    maxPositions,
    tieEmbeddings: true,
    attentionBias: true,
  };
}
