import type { ModelConfig } from '../model-files/model-config.ts';
import { compile, input } from './graph/graph.ts';
import { matmul } from './graph/ops/matmul.ts';
import { openProgram } from './graph/program.ts';

/** Options of a measurement: number of runtime threads and duration. */
export interface MeasureJob {
  readonly threads: number;
  readonly forMs: number;
}

/** Number of tokens in the measured product: half of the largest training microbatch. */
const tokens = 512;

/**
 * Measures the number of matrix products per second, at the size on which training spends the most time. Blocks the
 * thread.
 */
export async function measureProducts(config: ModelConfig, { threads, forMs }: MeasureJob): Promise<number> {
  const { hiddenSize, intermediateSize } = config;
  const a = input('a', 'float32', [tokens, hiddenSize]);
  const b = input('b', 'float32', [hiddenSize, intermediateSize]);
  const program = await openProgram(compile({ c: matmul(a, b) }), threads);
  const feeds = {
    a: new Float32Array(tokens * hiddenSize).fill(0.5),
    b: new Float32Array(hiddenSize * intermediateSize).fill(0.5),
  };
  const into = { c: new Float32Array(tokens * intermediateSize) };
  await program.run(feeds, into);
  const start = performance.now();
  let [count, elapsed] = [0, 0];
  while (elapsed < forMs) {
    await program.run(feeds, into);
    count++;
    elapsed = performance.now() - start;
  }
  await program.close();
  return (1000 * count) / elapsed;
}
