import type { TrainingBatch } from '../../src/core/batch.ts';
import type { LossSpec } from '../../src/core/loss-spec.ts';
import { openLane } from '../../src/engines/embedded/lanes/lane.ts';
import { programBudget } from '../../src/engines/embedded/memory-budget.ts';
import { initialWeights } from '../../src/engines/embedded/parameters.ts';
import { createTrainer } from '../../src/engines/embedded/learning/trainer.ts';
import type { ModelConfig } from '../../src/engines/model-files/model-config.ts';

/** On-policy GRPO, the loss that most steps of a run use. */
const loss: LossSpec = {
  policy: { type: 'clipped', ratio: 'token', clipLow: 0.2, clipHigh: 0.2, dualClip: null },
  kl: null,
  entropy: null,
  importance: null,
  temperature: 1,
};

/** A trainer on worker threads, and one complete training step on synthetic sequences of equal length. */
export interface BenchTrainer extends AsyncDisposable {
  step(rows: number, positions: number): Promise<void>;
}

/** Creates a fresh model for timing. */
export function openBenchTrainer(
  config: ModelConfig,
  lanes: number,
  threads: number,
  memoryBudgetBytes: number,
): BenchTrainer {
  const runners = Array.from({ length: lanes }, () =>
    openLane({
      config,
      folder: '',
      threads,
      slots: 1,
      maxSequenceTokens: config.maxPositions,
      endTokens: [],
      memoryBudgetBytes: programBudget(config, memoryBudgetBytes, lanes),
    }),
  );
  const trainer = createTrainer({ config, weights: initialWeights(config, 1), runners, memoryBudgetBytes });
  return {
    step: async (rows, positions) => {
      await trainer.forwardBackward(trainingBatch(config, rows, positions), loss);
      await trainer.optimStep({ learningRate: 1e-4 });
    },
    [Symbol.asyncDispose]: async () => {
      for (const runner of runners) await runner[Symbol.asyncDispose]();
    },
  };
}

/** Makes sequences of `positions` + 1 tokens each; the first half of each is the prompt. */
function trainingBatch(config: ModelConfig, rows: number, positions: number): TrainingBatch {
  const length = positions + 1;
  const constant = (value: number): Float32Array => new Float32Array(length).fill(value);
  const weights = constant(1 / (rows * positions)).fill(0, 0, length / 2);
  return {
    sequences: Array.from({ length: rows }, (_, row) => ({
      tokens: Int32Array.from({ length }, (_t, t) => (t * 7 + row * 3) % config.vocabSize),
      weights,
      advantages: constant((row % 2) - 0.5),
      rolloutLogprobs: constant(-4),
    })),
  };
}
