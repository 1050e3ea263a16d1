/**
 * `npm run bench:scale`: measures time and memory of a training step by batch, length, model size and memory budget.
 * Memory is the peak of a separate process beyond that of the empty runtime. The last line is JSON; exits with 1 when a
 * step exceeded its budget.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { trainingFlops, models } from './engine/models.ts';

/** One training step: `rows` sequences of `positions` tokens, within a budget. */
export interface Point {
  readonly model: 'S' | 'M' | 'L';
  readonly rows: number;
  readonly positions: number;
  readonly budgetMiB: number;
}

/** Time and memory of the step. */
export interface Measured {
  readonly stepMs: number;
  readonly memoryMiB: number;
}

const series: Readonly<Record<string, readonly Point[]>> = {
  batch: [8, 32, 128].map((rows) => ({ model: 'S', rows, positions: 128, budgetMiB: 1024 })),
  length: [32, 128, 512].map((positions) => ({ model: 'S', rows: 16, positions, budgetMiB: 1024 })),
  model: (['S', 'M', 'L'] as const).map((model) => ({ model, rows: 8, positions: 128, budgetMiB: 2048 })),
  budget: [640, 1024, 2048].map((budgetMiB) => ({ model: 'M', rows: 32, positions: 256, budgetMiB })),
};

function measure(point: Point): Measured {
  const script = fileURLToPath(new URL('scale/point.ts', import.meta.url));
  const output = execFileSync(process.execPath, ['-C', 'development', script, JSON.stringify(point)], {
    encoding: 'utf8',
  });
  return JSON.parse(output.trim().split('\n').at(-1)!) as Measured;
}

const results: (Point & Measured & { readonly series: string })[] = [];
for (const [name, points] of Object.entries(series)) {
  for (const point of points) {
    const measured = measure(point);
    results.push({ series: name, ...point, ...measured });
    const gflops = trainingFlops(models[point.model], point.rows, point.positions) / measured.stepMs / 1e6;
    console.log(
      `${name.padEnd(7)} ${point.model} ${`${point.rows} × ${point.positions}`.padEnd(9)} ` +
        `${measured.stepMs.toFixed(0).padStart(6)} ms  ${gflops.toFixed(0).padStart(4)} GFLOP/s  ` +
        `${measured.memoryMiB.toFixed(0).padStart(5)} of ${point.budgetMiB} MiB`,
    );
  }
}
const over = results.filter(({ memoryMiB, budgetMiB }) => memoryMiB > budgetMiB);
console.log(JSON.stringify({ points: results, overBudget: over.length }));
process.exitCode = over.length > 0 ? 1 : 0;
