import type { ModelConfig } from '../model-files/model-config.ts';
import { compile, input } from './graph/graph.ts';
import { matmul } from './graph/ops/matmul.ts';
import { openProgram } from './graph/program.ts';

/** How to measure: threads of the runtime, and for how long. */
export interface MeasureJob {
  readonly threads: number;
  readonly forMs: number;
}

/** Tokens of the measured product, as in a training microbatch of half its largest size. */
const tokens = 512;

/** Matrix products a second, of the size that training spends most of its time on. Blocks the thread. */
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
