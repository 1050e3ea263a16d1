import type { TrainingBatch } from '../../src/core/batch.ts';
import type { LossSpec } from '../../src/core/loss-spec.ts';
import { compile, input } from '../../src/engines/embedded/graph.ts';
import { openLane } from '../../src/engines/embedded/lane.ts';
import { programBudget } from '../../src/engines/embedded/memory-budget.ts';
import { matmul } from '../../src/engines/embedded/ops/matmul.ts';
import { initialWeights } from '../../src/engines/embedded/parameters.ts';
import { openProgram } from '../../src/engines/embedded/program.ts';
import { createTrainer } from '../../src/engines/embedded/trainer.ts';
import type { ModelConfig } from '../../src/engines/model-files/model-config.ts';
import { models, trainingFlops } from './models.ts';

/** Training speed of one model with one way of using two threads. */
export interface TrainingResult {
  readonly model: 'S' | 'M';
  readonly rows: number;
  readonly positions: number;
  /** Worker threads × threads of the runtime in each. */
  readonly lanes: string;
  readonly stepMs: number;
  readonly tokensPerSecond: number;
  readonly gflops: number;
  /** The runtime's own 1024³ matrix product on 2 threads, between the steps. */
  readonly matmulGflops: number;
  /** gflops / matmulGflops. */
  readonly efficiency: number;
}

const memoryBudgetBytes = 2 ** 31;
const rounds = 6;

/** On-policy GRPO: what most steps of a run are. */
const loss: LossSpec = {
  policy: { type: 'clipped', ratio: 'token', clipLow: 0.2, clipHigh: 0.2, dualClip: null },
  kl: null,
  entropy: null,
  importance: null,
  temperature: 1,
};

/**
 * Whole training steps (forward, backward, AdamW) against the runtime's own matrix product. Steps and products
 * alternate, and the best of each counts: what else the machine does meets both.
 */
export async function measureTraining(
  model: 'S' | 'M',
  rows: number,
  positions: number,
  lanes: number,
  threads: number,
): Promise<TrainingResult> {
  const config = models[model];
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
  const trainer = createTrainer({ config, weights: sharedWeights(config), runners, memoryBudgetBytes });
  const batch = trainingBatch(config, rows, positions);
  const step = async (): Promise<void> => {
    await trainer.forwardBackward(batch, loss);
    trainer.optimStep({ learningRate: 1e-4 });
  };
  const multiply = await openMatmul();
  await step();
  let [stepMs, matmulMs] = [Infinity, Infinity];
  for (let round = 0; round < rounds; round++) {
    matmulMs = Math.min(matmulMs, await bestOf(8, multiply));
    stepMs = Math.min(stepMs, await bestOf(1, step));
  }
  for (const runner of runners) await runner[Symbol.asyncDispose]();
  const gflops = trainingFlops(config, rows, positions) / stepMs / 1e6;
  const matmulGflops = (2 * 1024 ** 3) / matmulMs / 1e6;
  return {
    model,
    rows,
    positions,
    lanes: `${lanes} × ${threads}`,
    stepMs,
    tokensPerSecond: (rows * positions * 1000) / stepMs,
    gflops,
    matmulGflops,
    efficiency: gflops / matmulGflops,
  };
}

/** Milliseconds of the fastest of `count` runs. */
async function bestOf(count: number, run: () => Promise<unknown>): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

async function openMatmul(): Promise<() => Promise<unknown>> {
  const size = [1024, 1024];
  const graph = compile({ c: matmul(input('a', 'float32', size), input('b', 'float32', size)) });
  const program = await openProgram(graph, 2);
  const a = new Float32Array(1024 * 1024).map((_, i) => Math.sin(i));
  const c = new Float32Array(1024 * 1024);
  return () => program.run({ a, b: a }, { c });
}

function sharedWeights(config: ModelConfig): Float32Array {
  const initial = initialWeights(config, 1);
  const weights = new Float32Array(new SharedArrayBuffer(initial.byteLength));
  weights.set(initial);
  return weights;
}

/** Sequences of one length, one token longer than the positions they fill; the first half of each is prompt. */
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
