import type { ModelConfig } from '../../model-files/model-config.ts';
import { createProgramCache, type ProgramCacheOptions } from '../graph/program-cache.ts';
import { parameterLayout } from '../parameters.ts';
import { type AdamWUpdate, applyAdamW, gradientNorm } from './adamw.ts';
import { addTo } from './buffers.ts';
import { createLayeredPass } from './layered-pass.ts';
import type { Pass } from './pass.ts';
import { createWholePass } from './whole-pass.ts';

/** A gradient vector to add to another of the same length. */
export interface SumJob {
  readonly total: Float32Array;
  readonly part: Float32Array;
}

/**
 * Executes a trainer's jobs, in this thread or another. Results depend only on the job, so a trainer may assign its
 * jobs to any number of runners in any order.
 */
export interface MicrobatchRunner extends Pass, AsyncDisposable {
  /** Adds `part` to `total`, element by element in float32. */
  sum(job: SumJob): Promise<void>;
  norm(gradient: Float32Array): Promise<number>;
  /** Applies AdamW to a range of the weights and clears the gradient there. */
  update(job: AdamWUpdate): Promise<void>;
}

export interface MicrobatchRunnerOptions extends ProgramCacheOptions {
  readonly config: ModelConfig;
}

/**
 * Creates a runner that runs microbatches in this thread, blocking it. Compiles one program per shape and
 * kind of loss, on first use.
 */
export function createMicrobatchRunner(options: MicrobatchRunnerOptions): MicrobatchRunner {
  const { config } = options;
  const layout = parameterLayout(config);
  const programs = createProgramCache(options);
  const [whole, layered] = [createWholePass(config, programs), createLayeredPass(config, programs)];
  const passOf = ({ inLayers }: { readonly inLayers: boolean }): Pass => (inLayers ? layered : whole);

  return {
    logprobs: (job) => passOf(job).logprobs(job),
    top: (job) => passOf(job).top(job),
    gradient: (job) => passOf(job).gradient(job),
    sum: async ({ total, part }) => addTo(total, part),
    norm: async (gradient) => gradientNorm(gradient),
    update: async (job) => {
      applyAdamW(layout, job);
      job.gradient.fill(0, job.from, job.to);
    },
    [Symbol.asyncDispose]: () => programs.shrinkTo(0),
  };
}
