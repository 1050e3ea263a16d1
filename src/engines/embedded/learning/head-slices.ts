import type { ModelConfig } from '../../model-files/model-config.ts';
import type { Arrays } from '../graph/program.ts';
import type { ProgramCache } from '../graph/program-cache.ts';
import { parameterLayout, tensorViews } from '../parameters.ts';
import type { BatchShape } from '../transformer.ts';
import { type Buffers, gradientOutputs } from './buffers.ts';
import {
  headGradientProgram,
  headProgram,
  headWeights,
  hiddenGradient,
  topHeadProgram,
} from './layer-programs.ts';

/** Default maximum number of logits in memory at a time. */
const defaultMostLogits = 2 ** 23;

/** The number of tokens in a slice is a multiple of this; the last slice is padded. */
const tokenStep = 32;

/** Returns the number of tokens whose logits are computed at a time, for a microbatch of this shape. */
export function sliceTokens(
  { vocabSize }: ModelConfig,
  { rows, positions }: BatchShape,
  mostLogits = defaultMostLogits,
): number {
  const most = Math.max(1, Math.floor(mostLogits / vocabSize / tokenStep));
  return tokenStep * Math.min(most, Math.ceil((rows * positions) / tokenStep));
}

/** A microbatch whose last hidden states have been computed. */
export interface HeadJob {
  readonly weights: Float32Array;
  readonly shape: BatchShape;
  /** Hidden states [paddedTokens, hidden], 0 at padding. */
  readonly hidden: Float32Array;
  readonly inverseTemperature: Float32Array;
  /** [rows · positions] */
  readonly targets: Float32Array | Int32Array;
}

/** Derivatives of the loss, [rows, positions]. */
export interface Cotangents {
  readonly byLogprob: Float32Array;
  readonly byEntropy?: Float32Array | undefined;
}

/**
 * Computes the final norm, head and softmax in slices of tokens, so that the logits of a microbatch never
 * exist all at once.
 */
export interface HeadSlices {
  /** Returns the number of tokens in all slices of a microbatch, including padding. */
  paddedTokens(shape: BatchShape): number;
  /** Returns the log-probability of each target, and the entropies, [rows · positions]. */
  score(job: HeadJob): Promise<{ readonly logprobs: Float32Array; readonly entropy: Float32Array }>;
  /** Returns the most probable tokens, as in `Pass.top`. */
  top(job: HeadJob, count: number): Promise<Float32Array>;
  /**
   * Adds the gradients of the weights to `gradient`; writes the gradient of `hidden` to `byHidden`, which has the same
   * length.
   */
  gradient(job: HeadJob, by: Cotangents, gradient: Float32Array, byHidden: Float32Array): Promise<void>;
}

/** Creates a head that computes in slices. */
export function createHeadSlices(
  config: ModelConfig,
  programs: ProgramCache,
  buffers: Buffers,
  mostLogits?: number,
): HeadSlices {
  const layout = parameterLayout(config);
  const names = headWeights(config);
  const entries = layout.entries.filter(({ name }) => names.includes(name));
  const sizeFor = (shape: BatchShape): number => sliceTokens(config, shape, mostLogits);
  const paddedTokens = (shape: BatchShape): number =>
    sizeFor(shape) * Math.ceil((shape.rows * shape.positions) / sizeFor(shape));

  /** Calls `run` with the feeds of each slice, the index of its first token and the index after its last. */
  const eachSlice = async (
    { weights, shape, hidden, inverseTemperature, targets }: HeadJob,
    run: (feeds: Arrays, from: number, to: number) => Promise<void>,
  ): Promise<void> => {
    const size = sizeFor(shape);
    const shared = { inverseTemperature, ...tensorViews({ entries }, weights) };
    for (let from = 0; from < shape.rows * shape.positions; from += size) {
      const states = hidden.subarray(from * config.hiddenSize, (from + size) * config.hiddenSize);
      const ids = new Int32Array(size);
      ids.set(targets.subarray(from, from + size));
      await run({ ...shared, hidden: states, targets: ids }, from, from + size);
    }
  };

  return {
    paddedTokens,
    score: async (job) => {
      const size = sizeFor(job.shape);
      const program = await programs.open(`head ${size}`, () => headProgram(config, size));
      const [logprobs, entropy] = [0, 0].map(() => new Float32Array(paddedTokens(job.shape)));
      await eachSlice(job, async (feeds, from, to) => {
        await program.run(feeds, {
          logprobs: logprobs!.subarray(from, to),
          entropy: entropy!.subarray(from, to),
        });
      });
      const { rows, positions } = job.shape;
      return {
        logprobs: logprobs!.slice(0, rows * positions),
        entropy: entropy!.slice(0, rows * positions),
      };
    },
    top: async (job, count) => {
      const size = sizeFor(job.shape);
      const program = await programs.open(`head top ${count} ${size}`, () =>
        topHeadProgram(config, size, count),
      );
      const found = new Float32Array(2 * count * paddedTokens(job.shape));
      await eachSlice(job, async (feeds, from, to) => {
        await program.run(feeds, { top: found.subarray(2 * count * from, 2 * count * to) });
      });
      return found.slice(0, 2 * count * job.shape.rows * job.shape.positions);
    },
    gradient: async (job, { byLogprob, byEntropy }, gradient, byHidden) => {
      const size = sizeFor(job.shape);
      const hasEntropy = byEntropy !== undefined;
      const program = await programs.open(`head gradient ${hasEntropy} ${size}`, () =>
        headGradientProgram(config, size, hasEntropy),
      );
      const { into, addTo } = gradientOutputs(entries, buffers);
      await eachSlice(job, async (feeds, from, to) => {
        const by = {
          byLogprob: slice(byLogprob, from, size),
          ...(hasEntropy && { byEntropy: slice(byEntropy, from, size) }),
        };
        const states = byHidden.subarray(from * config.hiddenSize, to * config.hiddenSize);
        await program.run({ ...feeds, ...by }, { ...into, [hiddenGradient]: states });
        addTo(gradient);
      });
    },
  };
}

/** Returns elements `from` … `from + size − 1`, with 0 beyond the end of the array. */
function slice(values: Float32Array, from: number, size: number): Float32Array {
  const padded = new Float32Array(size);
  padded.set(values.subarray(from, from + size));
  return padded;
}
