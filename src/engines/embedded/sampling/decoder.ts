import * as ort from 'onnxruntime-node';
import type { ModelConfig } from '../../model-files/model-config.ts';
import { decodeProgram } from './decode-program.ts';
import { freeCopies } from '../graph/program.ts';
import type { DecodeWeights } from './decode-weights.ts';
import {
  joinPositions,
  type KeyValueCache,
  masked,
  type NewKeyValues,
  type Past,
} from './key-value-cache.ts';
import { localFrequencies, rotaryFrequencies, rotaryScale } from '../rotary-frequencies.ts';

/** State after reading prompts; decoding continues from it. */
export interface ReadPrompts {
  /** Positions per row, including padding on the right: the stride of `keyValues`. */
  readonly stride: number;
  /** Next-token logits [rows, vocabulary] after each prompt. */
  readonly logits: Float32Array;
  readonly keyValues: NewKeyValues;
}

/** State after reading more tokens of one sequence. */
export interface Extended {
  readonly past: Past;
  /** Next-token logits [vocabulary] after the last token. */
  readonly logits: Float32Array;
}

/**
 * Runs the decode program. Each thread needs its own decoder; every `step` overwrites the arrays that the previous one
 * returned.
 */
export interface Decoder extends AsyncDisposable {
  /** Reads complete prompts in one batch. */
  read(weights: DecodeWeights, prompts: readonly Int32Array[]): Promise<ReadPrompts>;
  /**
   * Reads the tokens that follow the positions of `past` in one sequence. Keys, values and logits have the bits of as
   * many steps.
   */
  extend(weights: DecodeWeights, past: Past, tokens: Int32Array): Promise<Extended>;
  /**
   * Decodes one position of each of the first `rows` rows of the cache: takes `tokens[row]`, adds its keys and values
   * to the cache and returns the next-token logits [rows, vocabulary].
   */
  step(weights: DecodeWeights, cache: KeyValueCache, tokens: Int32Array, rows: number): Promise<Float32Array>;
}

/**
 * Minimum number of rows in a matrix product: the runtime multiplies a single row with a different kernel, which rounds
 * differently. A single prompt has at least `positionStep` rows everywhere except in its logits.
 */
const minRows = 2;

/**
 * Width of the widest vectors in the runtime's sums: for all lengths that are multiples of it, the order of summation
 * is the same.
 */
const positionStep = 16;

function openSession(program: Uint8Array, threads: number): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(program, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'basic',
    // An arena would keep the memory of the longest prompts.
    enableCpuMemArena: false,
    // Shapes change from run to run, so cached memory patterns never fit.
    enableMemPattern: false,
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
}

/** Loads the decode program of a model. @param maxRows maximum number of rows of a `step` */
export async function openDecoder(config: ModelConfig, threads: number, maxRows: number): Promise<Decoder> {
  const session = await openSession(decodeProgram(config), threads);
  const { layers, keyValueHeads, headSize, vocabSize } = config;
  const rotary = growingRotaryTables(config);
  const planeNames = Array.from(
    { length: 2 * layers },
    (_, plane) => `${plane % 2 === 0 ? 'k' : 'v'}.${plane >> 1}`,
  );
  const most = Math.max(minRows, maxRows);
  const buffers = {
    tokens: new Int32Array(most),
    logits: new Float32Array(most * vocabSize),
    planes: planeNames.map(() => new Float32Array(most * keyValueHeads * headSize)),
    // 64-bit integers as pairs of 32-bit words, low word first; positions fit in the low word.
    positions: new Int32Array(2 * most),
    last: Int32Array.from({ length: most }, (_, row) => row),
  };
  const stepMasks = oneStepMasks(config);

  const read = async (weights: DecodeWeights, prompts: readonly Int32Array[]): Promise<ReadPrompts> => {
    const rows = prompts.length;
    const longest = Math.max(...prompts.map((prompt) => prompt.length));
    const stride = positionStep * Math.ceil(longest / positionStep);
    const positions = BigInt64Array.from({ length: rows * stride }, (_, at) => BigInt(at % stride));
    const outputs = await session.run({
      ...weights,
      ...rotary(stride),
      ...nothingCached(config, rows),
      tokens: integers(padded(prompts, rows, stride), [rows * stride]),
      positions: new ort.Tensor('int64', positions, [rows, stride]),
      last: integers(lastPositions(prompts, stride), [Math.max(minRows, rows)]),
      ...ownMasks(config, stride),
    });
    const data = (name: string): Float32Array => outputs[name]!.data as Float32Array;
    return { stride, logits: data('logits'), keyValues: planeNames.map((name) => data(`new.${name}`)) };
  };

  const step = async (
    weights: DecodeWeights,
    cache: KeyValueCache,
    tokens: Int32Array,
    used: number,
  ): Promise<Float32Array> => {
    const rows = Math.max(minRows, used);
    let longest = 0;
    for (let row = 0; row < used; row++) {
      buffers.tokens[row] = tokens[row]!;
      buffers.positions[2 * row] = cache.lengths[row]!;
      longest = Math.max(longest, cache.lengths[row]!);
    }
    cache.reserve(longest + 1, used);
    const planeSize = rows * keyValueHeads * headSize;
    const into: Record<string, ort.Tensor> = {
      logits: float(buffers.logits.subarray(0, rows * vocabSize), [rows, vocabSize]),
    };
    for (const [plane, name] of planeNames.entries()) {
      into[`new.${name}`] = float(buffers.planes[plane]!.subarray(0, planeSize), [
        rows,
        keyValueHeads,
        1,
        headSize,
      ]);
    }
    const feeds = {
      ...weights,
      ...rotary(longest + 1),
      ...cache.feeds(rows),
      tokens: integers(buffers.tokens.subarray(0, rows), [rows]),
      positions: new ort.Tensor('int64', new BigInt64Array(buffers.positions.buffer, 0, rows), [rows, 1]),
      last: integers(buffers.last.subarray(0, rows), [rows]),
      ...stepMasks,
    };
    freeCopies(await session.run(feeds, into), into);
    cache.append(used, buffers.planes);
    return buffers.logits;
  };

  const { extend, release } = createExtender(config, threads, { rotary, planeNames, stepMasks });
  const dispose = async (): Promise<void> => {
    await session.release();
    await release();
  };
  return { read, extend, step, [Symbol.asyncDispose]: dispose };
}

/** Creates `Decoder.extend`, which loads its program when it is first used. */
function createExtender(
  config: ModelConfig,
  threads: number,
  {
    rotary,
    planeNames,
    stepMasks,
  }: {
    readonly rotary: (positions: number) => Record<string, ort.Tensor>;
    readonly planeNames: readonly string[];
    readonly stepMasks: Record<string, ort.Tensor>;
  },
): { readonly extend: Decoder['extend']; readonly release: () => Promise<void> } {
  let session: Promise<ort.InferenceSession> | undefined;
  const extend = async (weights: DecodeWeights, past: Past, tokens: Int32Array): Promise<Extended> => {
    session ??= openSession(decodeProgram(config, 'one sequence'), threads);
    const rows = Math.max(minRows, tokens.length);
    const inputs = new Int32Array(rows);
    inputs.set(tokens);
    const outputs = await (
      await session
    ).run({
      ...weights,
      ...rotary(past.length + rows),
      ...sequenceFeeds(config, past, rows),
      ...stepMasks,
      tokens: integers(inputs, [rows]),
      last: integers(new Int32Array(minRows).fill(tokens.length - 1), [minRows]),
    });
    const data = (name: string): Float32Array => outputs[name]!.data as Float32Array;
    const added = planeNames.map((name) => data(`new.${name}`));
    return {
      past: joinPositions(config, past, added, tokens.length),
      logits: data('logits').subarray(0, config.vocabSize),
    };
  };

  return { extend, release: async () => (await session)?.release() };
}

/** Returns positions, cache and masks of `rows` successive positions after `past`. */
function sequenceFeeds(
  { layers, keyValueHeads, headSize, slidingWindow }: ModelConfig,
  { length, keyValues }: Past,
  rows: number,
): Record<string, ort.Tensor> {
  // At least one: the runtime rejects empty tensors.
  const spare = positionStep - ((length + rows) % positionStep);
  const width = length + rows + spare;
  const positions = BigInt64Array.from({ length: rows }, (_, row) => BigInt(length + row));
  const mask = (window: number): ort.Tensor => {
    const values = new Float32Array(rows * width).fill(masked);
    for (let row = 0; row < rows; row++) {
      const [start, end] = [row * width, length + row];
      values.fill(0, start + Math.max(0, end - window + 1), start + end);
    }
    return float(values, [rows, 1, 1, width]);
  };
  const feeds: Record<string, ort.Tensor> = {
    positions: new ort.Tensor('int64', positions, [rows, 1]),
    spare: float(new Float32Array(keyValueHeads * spare * headSize), [1, keyValueHeads, spare, headSize]),
    cacheMask: mask(Infinity),
    ...(slidingWindow && { 'local.cacheMask': mask(slidingWindow.size) }),
  };
  for (let layer = 0; layer < layers; layer++) {
    const shape = [1, keyValueHeads, length, headSize];
    feeds[`cache.k.${layer}`] = float(keyValues[2 * layer]!, shape);
    feeds[`cache.v.${layer}`] = float(keyValues[2 * layer + 1]!, shape);
  }
  return feeds;
}

/** Creates cosine and sine tables [positions, rotated elements / 2], which grow with the longest sequence. */
function growingRotaryTables(config: ModelConfig): (positions: number) => Record<string, ort.Tensor> {
  const scale = rotaryScale(config);
  let length = 0;
  let tables: Record<string, ort.Tensor> = {};
  const table = (
    frequencies: readonly number[],
    factor: number,
    of: (angle: number) => number,
  ): ort.Tensor => {
    const width = frequencies.length;
    const values = new Float32Array(length * width);
    for (let at = 0; at < values.length; at++) {
      values[at] = factor * of(Math.floor(at / width) * frequencies[at % width]!);
    }
    return float(values, [length, width]);
  };
  return (positions) => {
    if (positions <= length) return tables;
    length = Math.max(64, 2 * positions);
    const frequencies = rotaryFrequencies(config);
    tables = { cosines: table(frequencies, scale, Math.cos), sines: table(frequencies, scale, Math.sin) };
    if (config.localRopeTheta === undefined) return tables;
    const local = localFrequencies(config);
    tables['local.cosines'] = table(local, 1, Math.cos);
    tables['local.sines'] = table(local, 1, Math.sin);
    return tables;
  };
}

/** Returns a cache with one masked position per row, because the runtime rejects empty caches. */
function nothingCached(
  { layers, keyValueHeads, headSize, slidingWindow }: ModelConfig,
  rows: number,
): Record<string, ort.Tensor> {
  const empty = float(new Float32Array(rows * keyValueHeads * headSize), [rows, keyValueHeads, 1, headSize]);
  const mask = float(new Float32Array(rows).fill(masked), [rows, 1, 1, 1]);
  const feeds: Record<string, ort.Tensor> = { cacheMask: mask };
  if (slidingWindow !== undefined) feeds['local.cacheMask'] = mask;
  for (let layer = 0; layer < layers; layer++) {
    feeds[`cache.k.${layer}`] = empty;
    feeds[`cache.v.${layer}`] = empty;
  }
  return feeds;
}

/**
 * Returns the masks of a prompt. Position s attends to positions 0 … s, or to those within the window, so that padding
 * on the right has no effect.
 */
function ownMasks(config: ModelConfig, steps: number): Record<string, ort.Tensor> {
  const { slidingWindow } = config;
  return {
    ownMask: causalMask(config, steps),
    ...(slidingWindow && { 'local.ownMask': causalMask(config, steps, slidingWindow.size) }),
  };
}

/** Returns the masks of a single new token, which attends to itself. */
function oneStepMasks({ heads, keyValueHeads, slidingWindow }: ModelConfig): Record<string, ort.Tensor> {
  const group = heads / keyValueHeads;
  const ownMask = float(new Float32Array(group), [1, 1, group, 1]);
  return { ownMask, ...(slidingWindow && { 'local.ownMask': ownMask }) };
}

function causalMask({ heads, keyValueHeads }: ModelConfig, steps: number, window = Infinity): ort.Tensor {
  const group = heads / keyValueHeads;
  const mask = new Float32Array(group * steps * steps);
  for (let row = 0; row < group * steps; row++) {
    const [start, at] = [row * steps, row % steps];
    mask.fill(masked, start + at + 1, start + steps);
    if (at >= window) mask.fill(masked, start, start + at - window + 1);
  }
  return float(mask, [1, 1, group * steps, steps]);
}

function padded(prompts: readonly Int32Array[], rows: number, stride: number): Int32Array {
  const tokens = new Int32Array(rows * stride);
  for (const [row, prompt] of prompts.entries()) tokens.set(prompt, row * stride);
  return tokens;
}

/** Returns the index of the last token of each prompt; for a single prompt, returns it twice. */
function lastPositions(prompts: readonly Int32Array[], stride: number): Int32Array {
  const last = prompts.map((prompt, row) => row * stride + prompt.length - 1);
  return Int32Array.from({ length: Math.max(minRows, last.length) }, (_, at) => last[at] ?? last[0]!);
}

function float(data: Float32Array, shape: number[]): ort.Tensor {
  return new ort.Tensor('float32', data, shape);
}

function integers(data: Int32Array, shape: number[]): ort.Tensor {
  return new ort.Tensor('int32', data, shape);
}
