import { ConfigError } from '../../core/errors.ts';
import type { LossSpec } from '../../core/loss-spec.ts';
import type { ModelConfig } from '../model-files/model-config.ts';
import { gradientProgram } from './learning/gradient-program.ts';
import { parameterLayout } from './parameters.ts';

/** Vectors of all weights per trainer: weights, reference, two moments, the gradient, and one pending. */
const flatVectors = 6;

/** Vectors of all weights per runner: the gradient it writes, and the runtime's copy of it. */
const runnerVectors = 3;

/** Number of runners that microbatches are sized for. More runners share the rest of the budget. */
const typicalRunners = 2;

/** Memory of threads, sessions and the JavaScript heap besides tensors, measured with `npm run bench:scale`. */
const fixedBytes = 128 * 2 ** 20;

/** Overhead factor of the runtime's allocator, which grows in steps and leaves gaps. */
const allocatorOverhead = 1.25;

/** Largest share of the memory besides flat vectors that one microbatch takes; several threads run one each. */
const microbatchShare = 1 / 4;

/** The loss whose program needs the most memory; others differ by a few values per token. */
const largestLoss: LossSpec = {
  policy: { type: 'clipped', ratio: 'token', clipLow: 0, clipHigh: 0, dualClip: null },
  kl: { estimator: 'k3', coefficient: 1 },
  entropy: { coefficient: 1 },
  importance: { level: 'token', mode: 'truncate', cap: 1 },
  temperature: 1,
};

/** Bytes that each of `runners` may spend on loaded programs to keep training within the budget. */
export function programBudget(config: ModelConfig, memoryBudgetBytes: number, runners: number): number {
  return spareBytes(config, memoryBudgetBytes, runners) / runners;
}

/**
 * Creates a function that returns how many rows of a length may run in one microbatch, ≥ 1. It depends on model and
 * settings only, not on the number of runners, so neither do the sums. Throws a `ConfigError` when not even one row
 * fits the budget.
 */
export function createRowLimit({
  config,
  memoryBudgetBytes,
  maxMicrobatchTokens = 1024,
}: {
  readonly config: ModelConfig;
  readonly memoryBudgetBytes: number;
  readonly maxMicrobatchTokens?: number;
}): (positions: number) => number {
  const limit = spareBytes(config, memoryBudgetBytes, typicalRunners) * microbatchShare;
  const known = new Map<number, number>();
  const measure = (positions: number): number => {
    const bytes = gradientProgram(config, { rows: 1, positions }, largestLoss).bytes;
    if (bytes <= limit)
      return Math.floor(Math.min(limit / bytes, Math.max(1, maxMicrobatchTokens / positions)));
    const missing = (bytes - limit) * (allocatorOverhead / microbatchShare);
    const needed = Math.ceil((memoryBudgetBytes + missing) / 1e6);
    throw new ConfigError(
      `memory budget: expected room for one sequence of ${positions} tokens (${needed} MB), ` +
        `got ${Math.floor(memoryBudgetBytes / 1e6)} MB; raise the budget or shorten the sequences`,
      { code: 'MEMORY_BUDGET' },
    );
  };
  return (positions) => {
    const rows = known.get(positions) ?? measure(positions);
    known.set(positions, rows);
    return rows;
  };
}

/** Largest memory of training, by its parts in bytes. */
export interface TrainingMemory {
  /** Threads, sessions and the JavaScript heap. */
  readonly fixed: number;
  /** Weights, reference, moments and gradients. */
  readonly vectors: number;
  /** Microbatches that run at once. */
  readonly microbatches: number;
}

/**
 * Forecasts the largest memory of training on sequences of at most `positions` tokens, by the rules that size the
 * microbatches.
 *
 * @param runners lanes of the engine.
 * @throws ConfigError (`MEMORY_BUDGET`) when not even one sequence fits the budget; its message names a sufficient
 * budget.
 */
export function trainingMemory(
  config: ModelConfig,
  {
    positions,
    runners,
    memoryBudgetBytes,
  }: { positions: number; runners: number; memoryBudgetBytes: number },
): TrainingMemory {
  const rows = createRowLimit({ config, memoryBudgetBytes })(positions);
  const { bytes } = gradientProgram(config, { rows, positions }, largestLoss);
  return {
    fixed: fixedBytes,
    vectors: flatBytes(config, runners),
    microbatches: allocatorOverhead * runners * bytes,
  };
}

function spareBytes(config: ModelConfig, memoryBudgetBytes: number, runners: number): number {
  return (memoryBudgetBytes - fixedBytes - flatBytes(config, runners)) / allocatorOverhead;
}

function flatBytes(config: ModelConfig, runners: number): number {
  return (flatVectors + runnerVectors * runners) * 4 * parameterLayout(config).length;
}
