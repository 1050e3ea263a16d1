import { ConfigError } from '../../core/errors.ts';
import type { LossSpec } from '../../core/loss-spec.ts';
import type { ModelConfig } from '../model-files/model-config.ts';
import { gradientProgram } from './learning/gradient-program.ts';
import { sliceTokens } from './learning/head-slices.ts';
import {
  blockGradientProgram,
  blockProgram,
  headGradientProgram,
  headProgram,
  headWeights,
  keptValues,
} from './learning/layer-programs.ts';
import { layerPrefix, parameterLayout } from './parameters.ts';
import { bytesPerPosition, capacityFor } from './sampling/key-value-cache.ts';
import type { BatchShape } from './transformer.ts';

/**
 * Memory needs of one way to train. Small models run each microbatch as one program, on all runners at once, and every
 * runner writes a separate gradient. Models whose vectors fill the budget run microbatches in layers, on one runner,
 * which accumulates into a single gradient.
 */
interface Way {
  /** Returns the number of vectors with one element per weight, for these numbers of runners and microbatches. */
  readonly vectors: (runners: number, microbatches: number) => number;
  /** Number of runners for which microbatches are sized. More runners share the rest of the budget. */
  readonly typicalRunners: number;
  /** Maximum share that one microbatch may use of the memory that the vectors leave free. */
  readonly microbatchShare: number;
  /** Factor on the memory of a microbatch for gaps between freed blocks of the allocator. */
  readonly overhead: number;
  /** Returns the bytes of the first row of a microbatch, and of each further row. */
  readonly bytes: (config: ModelConfig, positions: number) => readonly [first: number, further: number];
}

/** The loss whose programs need the most memory; others differ by a few values per token. */
const largestLoss: LossSpec = {
  policy: { type: 'clipped', ratio: 'token', clipLow: 0, clipHigh: 0, dualClip: null },
  kl: { estimator: 'k3', coefficient: 1 },
  entropy: { coefficient: 1 },
  importance: { level: 'token', mode: 'truncate', cap: 1 },
  temperature: 1,
};

const whole: Way = {
  // Weights, reference, two moments and the sum of gradients; gradients that wait to be added, of which one more than
  // runners exists; per runner, the copy of its gradient that the binding of ONNX Runtime makes.
  vectors: (runners, microbatches) =>
    5 + Math.min(runners + 1, microbatches) + Math.min(runners, microbatches),
  typicalRunners: 2,
  microbatchShare: 1 / 4,
  overhead: 1.25,
  bytes: (config, positions) => {
    const { bytes } = gradientProgram(config, { rows: 1, positions }, largestLoss);
    return [bytes, bytes];
  },
};

const layered: Way = {
  // Weights, reference, two moments, the gradient.
  vectors: () => 5,
  typicalRunners: 1,
  // The rest is for keys and values.
  microbatchShare: 0.65,
  overhead: 1.25,
  bytes: (config, positions) => {
    const shape = { rows: 1, positions };
    const blocks = [blockProgram(config, shape, 0), blockGradientProgram(config, shape, 0)];
    const slice = sliceTokens(config, { rows: 1, positions: Math.max(mostTokens, positions) });
    const head = [headProgram(config, slice), headGradientProgram(config, slice, true)];
    // Inputs of all blocks, and the states and gradients between blocks and head.
    const perToken = 4 * config.hiddenSize * (config.layers + 4);
    // One program runs at a time. Its weights' gradients are in a buffer, and in a copy that the binding makes.
    const row = Math.max(...blocks.map(({ bytes }) => bytes)) + positions * perToken;
    const constants = total(blocks, ({ model }) => 2 * model.length);
    const largest = Math.max(...partLengths(config));
    const rest = Math.max(...head.map(({ bytes }) => bytes)) + slice * perToken + 8 * largest + constants;
    return [rest + row, row];
  },
};

/** Default maximum number of tokens in a microbatch. */
const mostTokens = 1024;

/** Returns the number of weights of the first block and of the head. */
function partLengths(config: ModelConfig): number[] {
  const { entries } = parameterLayout(config);
  const head = headWeights(config);
  const parts = [
    entries.filter(({ name }) => name.startsWith(layerPrefix(0))),
    entries.filter(({ name }) => head.includes(name)),
  ];
  return parts.map((part) => total(part, ({ length }) => length));
}

/**
 * Returns the memory of the runtime's library, of threads, loaded programs and JavaScript heaps, excluding tensors.
 * Measured with `npm run bench:plan -- --memory` for one and two lanes.
 */
const fixedBytes = (lanes: number): number => (48 + 44 * lanes) * 2 ** 20;

/**
 * Returns whether a model trains in layers: true if the vectors for training in one program would need more than half
 * of the budget.
 */
export function trainsInLayers(config: ModelConfig, memoryBudgetBytes: number): boolean {
  return vectorBytes(whole, config, whole.typicalRunners) > memoryBudgetBytes / 2;
}

const wayOf = (config: ModelConfig, memoryBudgetBytes: number): Way =>
  trainsInLayers(config, memoryBudgetBytes) ? layered : whole;

/**
 * Returns the bytes that each of `runners` may use for loaded programs to keep training within the budget.
 */
export function programBudget(config: ModelConfig, memoryBudgetBytes: number, runners: number): number {
  const way = wayOf(config, memoryBudgetBytes);
  const spare = spareBytes(way, config, memoryBudgetBytes, runners);
  return way === layered ? spare * layered.microbatchShare : spare / runners;
}

/** Returns the share of a lane's `programBudget` for keys and values. */
export const cacheBytes = (budgetBytes: number): number => budgetBytes / 4;

/** Sizes the microbatches of a model. */
export interface MicrobatchRule {
  /** Whether microbatches run in layers, on one runner. */
  readonly inLayers: boolean;
  /**
   * Returns the number of rows with this many positions that may run in one microbatch, ≥ 1. It does not depend on the
   * number of runners, so gradient sums do not either. Throws a `ConfigError` if not even one row fits the budget.
   */
  rowsFor(positions: number): number;
  /**
   * Returns the number of blocks whose matrix products a microbatch may keep for its backward pass; 0 unless it runs in
   * layers. Uses the unused part of the budget, and the memory of the reference if the loss has no KL term.
   */
  keptLayers(shape: BatchShape, hasReference: boolean): number;
}

/** Creates the rule for a model and a budget. */
export function createMicrobatchRule({
  config,
  memoryBudgetBytes,
  maxMicrobatchTokens = mostTokens,
}: {
  readonly config: ModelConfig;
  readonly memoryBudgetBytes: number;
  readonly maxMicrobatchTokens?: number | undefined;
}): MicrobatchRule {
  const way = wayOf(config, memoryBudgetBytes);
  const limit = spareBytes(way, config, memoryBudgetBytes, way.typicalRunners) * way.microbatchShare;
  const known = new Map<number, number>();
  const measure = (positions: number): number => {
    const [first, further] = way.bytes(config, positions);
    if (first <= limit)
      return Math.floor(
        Math.min(1 + (limit - first) / further, Math.max(1, maxMicrobatchTokens / positions)),
      );
    const missing = (first - limit) * (way.overhead / way.microbatchShare);
    const needed = Math.ceil((memoryBudgetBytes + missing) / 1e6);
    throw new ConfigError(
      `memory budget: expected room for one sequence of ${positions} tokens (${needed} MB), ` +
        `got ${Math.floor(memoryBudgetBytes / 1e6)} MB; raise the budget or shorten the sequences`,
      { code: 'MEMORY_BUDGET' },
    );
  };
  const keptLayers = ({ rows, positions }: BatchShape, hasReference: boolean): number => {
    if (way === whole) return 0;
    const [first, further] = way.bytes(config, positions);
    const unused = (limit - first - (rows - 1) * further) * way.overhead;
    const spare = unused + (hasReference ? 0 : 4 * parameterLayout(config).length);
    return Math.max(0, Math.min(config.layers, Math.floor(spare / keptBytes(config, { rows, positions }))));
  };
  return {
    inLayers: way === layered,
    keptLayers,
    rowsFor: (positions) => {
      const rows = known.get(positions) ?? measure(positions);
      known.set(positions, rows);
      return rows;
    },
  };
}

/** Peak memory of training by purpose, in bytes. */
export interface TrainingMemory {
  /** Threads, sessions and the JavaScript heap. */
  readonly fixed: number;
  /** Weights, reference, moments and gradients. */
  readonly vectors: number;
  /** Microbatches that run at once. */
  readonly microbatches: number;
  /** Keys and values of the sequences that are decoded at once. */
  readonly decoding: number;
  /** Keys and values of stopped sequences. */
  readonly kept: number;
}

/** A training whose memory is forecast. */
export interface PlannedTraining {
  /** Length of the longest sequence. */
  readonly positions: number;
  /** Number of sequences of a step. */
  readonly sequences: number;
  /** Number of sequences that sampling requests at once, in a step, a measurement or an evaluation. */
  readonly requested: number;
  /** Whether attempts have several turns, between which keys and values are kept. */
  readonly isMultiTurn: boolean;
  /** The engine's setting `slots`. */
  readonly slots: number;
  /** Number of lanes. */
  readonly runners: number;
  readonly memoryBudgetBytes: number;
}

/**
 * Predicts the peak memory of sampling and training, by the rules that size microbatches and caches. Garbage of sampling
 * may still exist while microbatches run, so the parts add up.
 *
 * @throws ConfigError (`MEMORY_BUDGET`) if not even one sequence fits the budget; its message names a
 * sufficient budget.
 */
export function trainingMemory(
  config: ModelConfig,
  { positions, sequences, requested, isMultiTurn, slots, runners, memoryBudgetBytes }: PlannedTraining,
): TrainingMemory {
  const way = wayOf(config, memoryBudgetBytes);
  const rule = createMicrobatchRule({ config, memoryBudgetBytes });
  const shape = { rows: Math.min(sequences, rule.rowsFor(positions)), positions };
  const [first, further] = way.bytes(config, positions);
  const microbatches = Math.ceil(sequences / shape.rows);
  const atOnce = way === layered ? 1 : Math.min(runners, microbatches);
  const kept = rule.keptLayers(shape, true);
  return {
    fixed: fixedBytes(runners),
    vectors: vectorBytes(way, config, runners, microbatches),
    microbatches:
      way.overhead * atOnce * (first + (shape.rows - 1) * further) +
      (kept > 0 ? kept * keptBytes(config, shape) : 0),
    decoding: Math.min(
      runners * cacheBytes(programBudget(config, memoryBudgetBytes, runners)),
      // A cache that grows needs twice its memory.
      2 * Math.min(requested, runners * slots) * capacityFor(positions) * bytesPerPosition(config),
    ),
    kept: isMultiTurn ? keptPastBytes(config, memoryBudgetBytes, runners) : 0,
  };
}

/** Returns the maximum bytes of keys and values that are kept between turns: an eighth of the memory for programs. */
export const keptPastBytes = (config: ModelConfig, memoryBudgetBytes: number, runners: number): number =>
  (runners * programBudget(config, memoryBudgetBytes, runners)) / 8;

/** Returns the bytes that a microbatch keeps for one block. */
function keptBytes(config: ModelConfig, shape: BatchShape): number {
  const values = keptValues(blockGradientProgram(config, shape, 0, true));
  return total(values, (value) => value.shape.reduce<number>((size, axis) => size * Number(axis), 4));
}

function spareBytes(way: Way, config: ModelConfig, memoryBudgetBytes: number, runners: number): number {
  return (memoryBudgetBytes - fixedBytes(runners) - vectorBytes(way, config, runners)) / way.overhead;
}

function vectorBytes(way: Way, config: ModelConfig, runners: number, microbatches = Infinity): number {
  return way.vectors(runners, microbatches) * 4 * parameterLayout(config).length;
}

function total<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}
