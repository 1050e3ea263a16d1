import type { ModelConfig } from '../../model-files/model-config.ts';
import type { Program } from '../graph/program.ts';
import type { ProgramCache } from '../graph/program-cache.ts';
import { layerPrefix, type ParameterEntry, parameterLayout, tensorViews } from '../parameters.ts';
import { embeddingName, firstLikeLayer } from '../transformer.ts';
import { type Buffers, createBuffers, gradientOutputs } from './buffers.ts';
import { blockGradientProgram, blockProgram, hiddenGradient, keptPrefix } from './layer-programs.ts';
import type { GradientJob, LogprobJob } from './pass.ts';

/** The embedding and blocks of a model, which run block by block. */
export interface BlockStack {
  /** Computes the last hidden states [tokens, hidden]. */
  forward(job: ForwardJob, hidden: Float32Array): Promise<void>;
  /** Computes the same as `forward`, and keeps the values that `backward` needs. */
  forwardKeeping(job: GradientJob, hidden: Float32Array): Promise<void>;
  /**
   * Adds the gradients of the weights to the job's gradient, given the gradient of the last hidden states. Call
   * `forwardKeeping` first.
   */
  backward(job: GradientJob, byHidden: Float32Array): Promise<void>;
}

/** Weights and tokens of a microbatch. */
type ForwardJob = Pick<LogprobJob, 'weights' | 'shape' | 'feeds'>;

/**
 * Creates the block stack of a model. The backward pass recomputes each block from its input, except for kept values.
 */
export function createBlockStack(config: ModelConfig, programs: ProgramCache, buffers: Buffers): BlockStack {
  const { hiddenSize, layers } = config;
  const { entries } = parameterLayout(config);
  const blocks = Array.from({ length: layers }, (_, layer) => blockEntries(config, entries, layer));
  const embedding = entries.find(({ name }) => name === embeddingName)!;
  /** Buffers of the values that the first blocks keep for the backward pass. */
  const kept: Buffers[] = [];

  const sizeOf = ({ shape }: ForwardJob): number => shape.rows * shape.positions * hiddenSize;
  const inputOf = (job: ForwardJob, layer: number): Float32Array => buffers(`input ${layer}`, sizeOf(job));

  /** Runs all blocks; `numberOf` returns the number of the buffer for a block's input. */
  const run = async (
    job: ForwardJob,
    hidden: Float32Array,
    keptLayers: number,
    numberOf: (layer: number) => number,
  ): Promise<void> => {
    const { weights, shape, feeds } = job;
    gatherRows(config, weights.subarray(embedding.offset), feeds['tokens']!, inputOf(job, numberOf(0)));
    for (const [layer, own] of blocks.entries()) {
      const like = firstLikeLayer(config, layer);
      const keeps = layer < keptLayers;
      const program = await programs.open(`block ${like} ${keeps} ${shape.rows}×${shape.positions}`, () =>
        blockProgram(config, shape, like, keeps),
      );
      if (keeps) kept[layer] ??= createBuffers();
      const next = layer + 1 < layers ? inputOf(job, numberOf(layer + 1)) : hidden;
      await program.run(
        { hidden: inputOf(job, numberOf(layer)), ...tensorViews({ entries: own }, weights) },
        { ...keptArrays(program, kept[layer]), next },
      );
    }
  };

  return {
    // Two alternating buffers are enough for a forward pass alone.
    forward: (job, hidden) => run(job, hidden, 0, (layer) => layer % 2),
    forwardKeeping: (job, hidden) => {
      // Free what earlier jobs kept for blocks that this job does not keep.
      kept.length = Math.min(kept.length, job.keptLayers);
      return run(job, hidden, job.keptLayers, (layer) => layer);
    },
    backward: async (job, byHidden) => {
      const { weights, shape, feeds, gradient } = job;
      let cotangent = byHidden;
      for (const [layer, own] of [...blocks.entries()].toReversed()) {
        const like = firstLikeLayer(config, layer);
        const keeps = layer < job.keptLayers;
        const key = `block gradient ${like} ${keeps} ${shape.rows}×${shape.positions}`;
        const program = await programs.open(key, () => blockGradientProgram(config, shape, like, keeps));
        const { into, addTo } = gradientOutputs(own, buffers);
        const before = buffers(`by input ${layer % 2}`, sizeOf(job));
        const values = { ...keptArrays(program, kept[layer]), ...tensorViews({ entries: own }, weights) };
        await program.run(
          { ...values, hidden: inputOf(job, layer), cotangent },
          { ...into, [hiddenGradient]: before },
        );
        addTo(gradient);
        cotangent = before;
      }
      addRows(config, gradient.subarray(embedding.offset), feeds['tokens']!, cotangent);
    },
  };
}

/** Returns arrays for the kept values among a program's inputs and outputs. */
function keptArrays(
  { inputs, outputs }: Program,
  buffers: Buffers | undefined,
): Record<string, Float32Array> {
  const values = [...inputs, ...outputs].filter(({ name }) => name.startsWith(keptPrefix));
  const lengthOf = (shape: readonly (number | string)[]): number =>
    shape.reduce<number>((size, axis) => size * Number(axis), 1);
  return Object.fromEntries(values.map(({ name, shape }) => [name, buffers!(name, lengthOf(shape))]));
}

/**
 * Returns the weights of a block under the names of the first block of the same kind, whose programs it
 * shares.
 */
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

/** Embeds tokens like `embedTokens`, but without copying the table. */
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

/** Adds the gradient of embedded tokens to the gradient of the table, in token order. */
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
