import type { ModelConfig } from '../../model-files/model-config.ts';
import type { Arrays } from '../graph/program.ts';
import type { ProgramCache } from '../graph/program-cache.ts';
import { createBlockStack } from './block-stack.ts';
import { createBuffers } from './buffers.ts';
import { createHeadSlices, type HeadJob } from './head-slices.ts';
import { lossProgram } from './layer-programs.ts';
import { lossKind, lossScalars } from './loss-graph.ts';
import type { LogprobJob, Pass, TokenMeasurements } from './pass.ts';

/**
 * Creates a pass that runs a microbatch block by block, and the head by slices of tokens. The forward pass keeps the
 * input of each block, and the backward pass recomputes the block (Chen et al. 2016), so that the activations of only
 * one block exist at a time. The first `keptLayers` blocks also keep the results of their matrix products.
 *
 * @param mostLogits maximum number of logits in memory at a time; default 2²³.
 */
export function createLayeredPass(config: ModelConfig, programs: ProgramCache, mostLogits?: number): Pass {
  const buffers = createBuffers();
  const blocks = createBlockStack(config, programs, buffers);
  const head = createHeadSlices(config, programs, buffers, mostLogits);

  const sizeOf = ({ shape }: Pick<LogprobJob, 'shape'>): number =>
    shape.rows * shape.positions * config.hiddenSize;

  /** Returns the buffer for the last hidden states, once without and once with its padding, which is set to 0. */
  const hiddenStates = (job: Pick<LogprobJob, 'shape'>): [own: Float32Array, padded: Float32Array] => {
    const padded = buffers('hidden', head.paddedTokens(job.shape) * config.hiddenSize);
    padded.fill(0, sizeOf(job));
    return [padded.subarray(0, sizeOf(job)), padded];
  };

  const scoring = async (
    job: Pick<LogprobJob, 'weights' | 'shape' | 'feeds'>,
    temperature: number,
  ): Promise<HeadJob> => {
    const [own, padded] = hiddenStates(job);
    await blocks.forward(job, own);
    return headJob(job, padded, Float32Array.of(1 / temperature));
  };

  return {
    logprobs: async (job) => (await head.score(await scoring(job, job.temperature))).logprobs,
    top: async (job) => head.top(await scoring(job, 1), job.count),
    gradient: async (job) => {
      const { shape, spec, gradient } = job;
      const [own, padded] = hiddenStates(job);
      await blocks.forwardKeeping(job, own);
      const scalars = lossScalars(spec);
      const behind = headJob(job, padded, scalars['inverseTemperature']!);
      const scored = await head.score(behind);
      const program = await programs.open(`loss ${lossKind(spec)} ${shape.rows}×${shape.positions}`, () =>
        lossProgram(spec, shape),
      );
      const feeds: Arrays = { ...job.feeds, ...scalars, ...scored };
      const { byLogprob, byEntropy, ...measured } = await program.run(feeds);
      const byHidden = buffers('by hidden', padded.length);
      await head.gradient(behind, { byLogprob: byLogprob!, byEntropy }, gradient, byHidden);
      await blocks.backward(job, byHidden.subarray(0, sizeOf(job)));
      return { ...scored, ...measured } satisfies TokenMeasurements;
    },
  };
}

function headJob(
  job: Pick<LogprobJob, 'weights' | 'shape' | 'feeds'>,
  hidden: Float32Array,
  inverseTemperature: Float32Array,
): HeadJob {
  const { weights, shape, feeds } = job;
  return { weights, shape, hidden, inverseTemperature, targets: feeds['targets']! };
}
