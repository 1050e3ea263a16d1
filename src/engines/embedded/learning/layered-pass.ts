import type { ModelConfig } from '../../model-files/model-config.ts';
import type { Arrays } from '../graph/program.ts';
import type { ProgramCache } from '../graph/program-cache.ts';
import { layerPrefix, type ParameterEntry, parameterLayout, tensorViews } from '../parameters.ts';
import { embeddingName, firstLikeLayer } from '../transformer.ts';
import { createBuffers, gradientOutputs } from './buffers.ts';
import { createHeadSlices, type HeadJob } from './head-slices.ts';
import { blockGradientProgram, blockProgram, hiddenGradient, lossProgram } from './layer-programs.ts';
import { lossKind, lossScalars } from './loss-graph.ts';
import type { LogprobJob, Pass, TokenMeasurements } from './pass.ts';

/** Weights and tokens of a microbatch. */
type ForwardJob = Pick<LogprobJob, 'weights' | 'shape' | 'feeds'>;

/**
 * Creates a pass that runs a microbatch layer by layer, and the head by slices of tokens. Of the forward pass it keeps
 * the input of each block, and the backward pass computes the block again (Chen et al. 2016), so that activations of only
 * one block exist at a time.
 *
 * @param mostLogits logits that exist at a time; default 2²³.
 */
export function createLayeredPass(config: ModelConfig, programs: ProgramCache, mostLogits?: number): Pass {
  const { hiddenSize, layers } = config;
  const { entries } = parameterLayout(config);
  const blocks = Array.from({ length: layers }, (_, layer) => blockEntries(config, entries, layer));
  const embedding = entries.find(({ name }) => name === embeddingName)!;
  const buffers = createBuffers();
  const head = createHeadSlices(config, programs, buffers, mostLogits);

  const sizeOf = ({ shape }: ForwardJob): number => shape.rows * shape.positions * hiddenSize;

  /** Runs the blocks. Returns the input of each, if `keeps`, and the hidden states for the head. */
  const forward = async (
    job: ForwardJob,
    keeps: boolean,
  ): Promise<{ inputs: readonly Float32Array[]; hidden: Float32Array }> => {
    const { weights, shape, feeds } = job;
    const size = sizeOf(job);
    const inputs = blocks.map((_, layer) => buffers(`input ${keeps ? layer : layer % 2}`, size));
    const hidden = buffers('hidden', head.paddedTokens(shape) * hiddenSize).fill(0, size);
    gatherRows(config, weights.subarray(embedding.offset), feeds['tokens']!, inputs[0]!);
    for (const [layer, own] of blocks.entries()) {
      const like = firstLikeLayer(config, layer);
      const program = await programs.open(`block ${like} ${shape.rows}×${shape.positions}`, () =>
        blockProgram(config, shape, like),
      );
      const next = inputs[layer + 1] ?? hidden.subarray(0, size);
      await program.run({ hidden: inputs[layer]!, ...tensorViews({ entries: own }, weights) }, { next });
    }
    return { inputs, hidden };
  };

  /** Runs the blocks backwards from the gradient of the head's hidden states. */
  const backward = async (
    job: ForwardJob,
    inputs: readonly Float32Array[],
    gradient: Float32Array,
    byHidden: Float32Array,
  ): Promise<void> => {
    const { weights, shape, feeds } = job;
    let cotangent = byHidden;
    for (const [layer, own] of [...blocks.entries()].toReversed()) {
      const like = firstLikeLayer(config, layer);
      const program = await programs.open(`block gradient ${like} ${shape.rows}×${shape.positions}`, () =>
        blockGradientProgram(config, shape, like),
      );
      const { into, addTo } = gradientOutputs(own, buffers);
      const before = buffers(`by input ${layer % 2}`, sizeOf(job));
      await program.run(
        { hidden: inputs[layer]!, cotangent, ...tensorViews({ entries: own }, weights) },
        { ...into, [hiddenGradient]: before },
      );
      addTo(gradient);
      cotangent = before;
    }
    addRows(config, gradient.subarray(embedding.offset), feeds['tokens']!, cotangent);
  };

  return {
    logprobs: async (job) => {
      const { hidden } = await forward(job, false);
      return (await head.score(headJob(job, hidden, Float32Array.of(1 / job.temperature)))).logprobs;
    },
    top: async (job) => {
      const { hidden } = await forward(job, false);
      return head.top(headJob(job, hidden, Float32Array.of(1)), job.count);
    },
    gradient: async (job) => {
      const { shape, spec, gradient } = job;
      const { inputs, hidden } = await forward(job, true);
      const scalars = lossScalars(spec);
      const behind = headJob(job, hidden, scalars['inverseTemperature']!);
      const scored = await head.score(behind);
      const program = await programs.open(`loss ${lossKind(spec)} ${shape.rows}×${shape.positions}`, () =>
        lossProgram(spec, shape),
      );
      const feeds: Arrays = { ...job.feeds, ...scalars, ...scored };
      const { byLogprob, byEntropy, ...measured } = await program.run(feeds);
      const byHidden = buffers('by hidden', hidden.length);
      await head.gradient(behind, { byLogprob: byLogprob!, byEntropy }, gradient, byHidden);
      await backward(job, inputs, gradient, byHidden.subarray(0, sizeOf(job)));
      return { ...scored, ...measured } satisfies TokenMeasurements;
    },
  };
}

function headJob(job: ForwardJob, hidden: Float32Array, inverseTemperature: Float32Array): HeadJob {
  const { weights, shape, feeds } = job;
  return { weights, shape, hidden, inverseTemperature, targets: feeds['targets']! };
}

/** Weights of a block under the names of the first block like it, whose programs it runs. */
function blockEntries(
  config: ModelConfig,
  entries: readonly ParameterEntry[],
  layer: number,
): ParameterEntry[] {
  const [own, like] = [layerPrefix(layer), layerPrefix(firstLikeLayer(config, layer))];
  return entries
    .filter(({ name }) => name.startsWith(own))
    .map((entry) => ({ ...entry, name: like + entry.name.slice(own.length) }));
}

/** Embeds tokens: the forward pass of `embedTokens`, without a copy of the table. */
function gatherRows(
  { hiddenSize, embeddingScale = 1 }: ModelConfig,
  table: Float32Array,
  tokens: Float32Array | Int32Array,
  hidden: Float32Array,
): void {
  const scale = Math.fround(embeddingScale);
  for (const [at, token] of tokens.entries()) {
    const row = table.subarray(token * hiddenSize, (token + 1) * hiddenSize);
    for (let i = 0; i < hiddenSize; i++) hidden[at * hiddenSize + i] = row[i]! * scale;
  }
}

/** Adds the gradient of embedded tokens to that of the table, in order of tokens. */
function addRows(
  { hiddenSize, embeddingScale = 1 }: ModelConfig,
  table: Float32Array,
  tokens: Float32Array | Int32Array,
  byHidden: Float32Array,
): void {
  const scale = Math.fround(embeddingScale);
  for (const [at, token] of tokens.entries()) {
    const [from, to] = [at * hiddenSize, token * hiddenSize];
    for (let i = 0; i < hiddenSize; i++)
      table[to + i] = table[to + i]! + Math.fround(byHidden[from + i]! * scale);
  }
}
