import * as z from 'zod';
import { noun } from '../core/config-builder.ts';

/**
 * AdamW and its learning-rate schedule. Where the GRPO defaults of TRL and verl agree, they are used here: β2 0.999,
 * global norm clipped to 1. The rate is constant, as in verl (TRL: linear to 0), and there is no weight decay, as in
 * TRL (verl 0.01).
 */
export const optimizerConfig = z.strictObject({
  type: z.literal('adamw').default('adamw'),
  learningRate: z.number().positive(),
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.999),
  epsilon: z.number().positive().default(1e-8),
  /** Decoupled weight decay; biases and norms are exempt. */
  weightDecay: z.number().min(0).default(0),
  /** The global gradient norm is clipped to this; `null` disables clipping. */
  maxGradNorm: z.number().positive().nullable().default(1),
  /** Number of steps over which the rate rises linearly from 0 to its full value. */
  warmupSteps: z.int().min(0).default(0),
  /**
   * After the warm-up: `constant`, or a half cosine down to a tenth of the rate at the last step, which must be known.
   */
  schedule: z.enum(['constant', 'cosine']).default('constant'),
});
export type OptimizerConfig = z.output<typeof optimizerConfig>;

/** Configures AdamW. */
export const adamw = noun(optimizerConfig);

/**
 * Returns the learning rate of a step.
 * @param step 1 for the first update.
 * @param lastStep end of the cosine; if absent, the rate stays constant after the warm-up.
 */
export function learningRateAt(config: OptimizerConfig, step: number, lastStep?: number): number {
  const { learningRate, warmupSteps, schedule } = config;
  if (step <= warmupSteps) return (learningRate * step) / warmupSteps;
  if (schedule === 'constant' || lastStep === undefined) return learningRate;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, lastStep - warmupSteps));
  return learningRate * (0.1 + 0.9 * 0.5 * (1 + Math.cos(Math.PI * progress)));
}
