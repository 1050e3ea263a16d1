import type { OptimStep } from '../engine.ts';
import type { ParameterLayout } from './parameters.ts';

/** What AdamW remembers between steps: running means of the gradient and of its square, per weight. */
export interface AdamMoments {
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/** L2 norm over all elements, summed in double precision in index order. */
export function gradientNorm(gradient: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < gradient.length; i++) squares += gradient[i]! * gradient[i]!;
  return Math.sqrt(squares);
}

/**
 * One AdamW update in place (Loshchilov & Hutter 2019, algorithm 2; PyTorch's form and order of operations). Weight
 * decay is decoupled and leaves biases and norms alone. The gradient is scaled to `maxGradNorm` on the way, as
 * `clip_grad_norm_` does. Bit-identical on every run: one thread, one order.
 *
 * @param step count of updates including this one, from 1: for the bias correction
 * @param norm of `gradient`, finite
 */
export function applyAdamW(
  layout: ParameterLayout,
  weights: Float32Array,
  gradient: Float32Array,
  moments: AdamMoments,
  settings: OptimStep,
  step: number,
  norm: number,
): void {
  const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0, maxGradNorm } = settings;
  const scale = maxGradNorm === undefined ? 1 : Math.min(1, maxGradNorm / (norm + 1e-6));
  const rate = learningRate / (1 - beta1 ** step);
  const correction = 1 / Math.sqrt(1 - beta2 ** step);
  const { first, second } = moments;
  for (const { offset, length, decay } of layout.entries) {
    const keep = decay ? 1 - learningRate * weightDecay : 1;
    for (let i = offset; i < offset + length; i++) {
      const slope = gradient[i]! * scale;
      const mean = first[i]! + (1 - beta1) * (slope - first[i]!);
      const square = second[i]! * beta2 + (1 - beta2) * slope * slope;
      first[i] = mean;
      second[i] = square;
      weights[i] = weights[i]! * keep - (rate * mean) / (Math.sqrt(square) * correction + epsilon);
    }
  }
}
