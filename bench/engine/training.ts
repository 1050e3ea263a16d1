import { compile, input } from '../../src/engines/embedded/graph/graph.ts';
import { matmul } from '../../src/engines/embedded/graph/ops/matmul.ts';
import { openProgram } from '../../src/engines/embedded/graph/program.ts';
import { openBenchTrainer } from './bench-trainer.ts';
import { models, trainingFlops } from './models.ts';

/** Training speed of one model for one assignment of two threads. */
export interface TrainingResult {
  readonly model: 'S' | 'M';
  readonly rows: number;
  readonly positions: number;
  /** Number of worker threads × runtime threads in each. */
  readonly lanes: string;
  readonly stepMs: number;
  readonly tokensPerSecond: number;
  readonly gflops: number;
  /** Speed of the runtime's own 1024³ matrix product on 2 threads, interleaved with the steps. */
  readonly matmulGflops: number;
  /** gflops / matmulGflops. */
  readonly efficiency: number;
}

const memoryBudgetBytes = 2 ** 31;
const rounds = 6;

/**
 * Measures complete training steps (forward, backward, AdamW) and the runtime's own matrix product. Steps and products
 * alternate, and the best of each counts, so that other load on the machine affects both.
 */
export async function measureTraining(
  model: 'S' | 'M',
  rows: number,
  positions: number,
  lanes: number,
  threads: number,
): Promise<TrainingResult> {
  const config = models[model];
  await using trainer = openBenchTrainer(config, lanes, threads, memoryBudgetBytes);
  const step = (): Promise<void> => trainer.step(rows, positions);
  const multiply = await openMatmul();
  await step();
  let [stepMs, matmulMs] = [Infinity, Infinity];
  for (let round = 0; round < rounds; round++) {
    matmulMs = Math.min(matmulMs, await bestOf(8, multiply));
    stepMs = Math.min(stepMs, await bestOf(1, step));
  }
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

/** Returns the milliseconds of the fastest of `count` runs. */
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
