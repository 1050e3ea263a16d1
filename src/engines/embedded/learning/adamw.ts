import type { OptimStep } from '../../engine.ts';
import type { ParameterLayout } from '../parameters.ts';

/** An update of the elements `from` … `to − 1` of flat vectors, which are all in the order of `parameterLayout`. */
export interface AdamWUpdate {
  readonly weights: Float32Array;
  readonly gradient: Float32Array;
  /** First moment: the running mean of the gradient, per weight. */
  readonly firstMoment: Float32Array;
  /** Second moment: the running mean of the squared gradient. */
  readonly secondMoment: Float32Array;
  readonly from: number;
  readonly to: number;
  readonly settings: OptimStep;
  /** Number of this update, counted from 1, for the bias correction. */
  readonly step: number;
  /** L2 norm of the entire gradient; finite. */
  readonly norm: number;
}

/** Returns the L2 norm over all elements, summed in double precision in index order. */
export function gradientNorm(gradient: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < gradient.length; i++) squares += gradient[i]! * gradient[i]!;
  return Math.sqrt(squares);
}

/**
 * Applies one AdamW update in place (Loshchilov & Hutter 2019, algorithm 2; in PyTorch's form and order of
 * operations). Weight decay is decoupled and does not apply to biases and norms. Scales the gradient to
 * `maxGradNorm` first, as `clip_grad_norm_` does. Elements are independent, so splitting an update into
 * ranges does not change its bits.
 */
export function applyAdamW({ entries }: ParameterLayout, update: AdamWUpdate): void {
  const { weights, gradient, firstMoment: first, secondMoment: second, settings, step, norm } = update;
  const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0, maxGradNorm } = settings;
  const scale = maxGradNorm === undefined ? 1 : Math.min(1, maxGradNorm / (norm + 1e-6));
  const rate = learningRate / (1 - beta1 ** step);
  const correction = 1 / Math.sqrt(1 - beta2 ** step);
  for (const { offset, length, decay } of entries) {
    const keep = decay ? 1 - learningRate * weightDecay : 1;
    const end = Math.min(offset + length, update.to);
    for (let i = Math.max(offset, update.from); i < end; i++) {
      const slope = gradient[i]! * scale;
      const mean = first[i]! + (1 - beta1) * (slope - first[i]!);
      const square = second[i]! * beta2 + (1 - beta2) * slope * slope;
      first[i] = mean;
      second[i] = square;
      weights[i] = weights[i]! * keep - (rate * mean) / (Math.sqrt(square) * correction + epsilon);
    }
  }
}
