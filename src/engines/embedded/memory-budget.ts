import { ConfigError } from '../../core/errors.ts';
import type { LossSpec } from '../../core/loss-spec.ts';
import type { ModelConfig } from '../model-files/model-config.ts';
import { gradientProgram } from './learning/gradient-program.ts';
import { parameterLayout } from './parameters.ts';

/** Vectors of all weights a trainer holds: weights, reference, two moments, the gradient, and one in waiting. */
const flatVectors = 6;

/** Such vectors per runner: the gradient it writes, and what the runtime keeps of it. */
const runnerVectors = 3;

/** Runners that microbatches are cut for. More of them share the rest of the budget. */
const typicalRunners = 2;

/** What threads, sessions and the JavaScript heap take besides tensors, measured with `npm run bench:scale`. */
const fixedBytes = 128 * 2 ** 20;

/** The runtime's allocator grows in steps and keeps gaps: it takes this times what the tensors need. */
const allocatorOverhead = 1.25;

/** A microbatch takes at most this share of what the flat vectors leave: several threads run one each. */
const microbatchShare = 1 / 4;

/** The loss whose program needs the most memory; the others differ by a few values per token. */
const largestLoss: LossSpec = {
  policy: { type: 'clipped', ratio: 'token', clipLow: 0, clipHigh: 0, dualClip: null },
  kl: { estimator: 'k3', coefficient: 1 },
  entropy: { coefficient: 1 },
  importance: { level: 'token', mode: 'truncate', cap: 1 },
  temperature: 1,
};

/** Bytes each of `runners` may spend on loaded programs, so that training as a whole stays within the budget. */
export function programBudget(config: ModelConfig, memoryBudgetBytes: number, runners: number): number {
  return spareBytes(config, memoryBudgetBytes, runners) / runners;
}

/**
 * How many rows of so many positions may run in one microbatch, ≥ 1. Depends on model and settings only, not on the
 * number of runners, so neither do the sums. Throws a `ConfigError` where not even one row fits the budget.
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

function spareBytes(config: ModelConfig, memoryBudgetBytes: number, runners: number): number {
  const flatBytes = (flatVectors + runnerVectors * runners) * 4 * parameterLayout(config).length;
  return (memoryBudgetBytes - fixedBytes - flatBytes) / allocatorOverhead;
}
