import { createRng, type Rng } from '../../core/rng.ts';
import { parameterLayout } from '../../engines/embedded/parameters.ts';
import type { ModelConfig } from '../../engines/model-files/model-config.ts';
import type { NamedTensor } from '../../engines/model-files/safetensors.ts';

/**
 * Returns random weights for a small model: norms 1, biases 0, embeddings with standard deviation 0.05,
 * matrices with 1/√inputs. The usual deviation of 0.02 is too small at widths of about 100. Depends on config
 * and seed alone.
 */
export function initialTensors(config: ModelConfig, seed: number): NamedTensor[] {
  const rng = createRng(seed, 'initial-model');
  return parameterLayout(config).entries.map(({ name, shape, length }) => ({
    name,
    shape,
    data: initialTensor(rng, name, shape, length),
  }));
}

function initialTensor(rng: Rng, name: string, shape: readonly number[], length: number): Float32Array {
  if (name.endsWith('norm.weight')) return new Float32Array(length).fill(1);
  if (name.endsWith('bias')) return new Float32Array(length);
  const deviation = name.includes('embed_tokens') ? 0.05 : 1 / Math.sqrt(shape[1]!);
  return Float32Array.from({ length }, () => deviation * gaussian(rng));
}

/** Draws from the standard normal distribution (Box–Muller). */
function gaussian(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}
