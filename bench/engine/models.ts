import { parameterLayout } from '../../src/engines/embedded/parameters.ts';
import type { ModelConfig } from '../../src/engines/model-files/model-config.ts';

const shared = {
  architecture: 'qwen2',
  headSize: 32,
  keyValueHeads: 2,
  normEpsilon: 1e-6,
  ropeTheta: 10_000,
  ropeScaling: null,
  maxPositions: 1024,
  tieEmbeddings: true,
  attentionBias: true,
} as const;

/** The models used for all published results of the embedded engine (S: 0.80 M weights, M: 4.66 M), and one with 27 M. */
export const models: Readonly<Record<'S' | 'M' | 'L', ModelConfig>> = {
  S: { ...shared, vocabSize: 64, hiddenSize: 128, layers: 4, heads: 4, intermediateSize: 384 },
  M: { ...shared, vocabSize: 512, hiddenSize: 256, layers: 6, heads: 8, intermediateSize: 768 },
  L: { ...shared, vocabSize: 4096, hiddenSize: 512, layers: 8, heads: 16, intermediateSize: 1536 },
};

/**
 * Returns the floating-point operations of one training step on `rows` sequences of `positions` tokens: 6 per weight
 * and token, and 12·layers·rows·positions²·heads·headSize for attention, counted as if it were not causal.
 */
export function trainingFlops(config: ModelConfig, rows: number, positions: number): number {
  const { layers, heads, headSize } = config;
  const dense = 6 * parameterLayout(config).length * rows * positions;
  return dense + 12 * layers * rows * positions ** 2 * heads * headSize;
}
