import type { LossSpec } from '../../../core/loss-spec.ts';
import type { ModelConfig } from '../../model-files/model-config.ts';
import { type AdamWUpdate, applyAdamW, gradientNorm } from './adamw.ts';
import { gradientPrefix, gradientProgram, logprobProgram, topProgram } from './gradient-program.ts';
import type { CompiledGraph } from '../graph/graph.ts';
import { lossKind, lossScalars } from './loss-graph.ts';
import { parameterLayout, type ParameterLayout } from '../parameters.ts';
import { type Arrays, openProgram, type Program } from '../graph/program.ts';
import type { BatchShape } from '../transformer.ts';

/**
 * A microbatch to score. Plain data: it can be posted to a worker thread, which shares `weights` when its buffer is
 * shared.
 */
export interface LogprobJob {
  /** All weights, in the order of `parameterLayout`. Read-only. */
  readonly weights: Float32Array;
  readonly shape: BatchShape;
  /** Output of `tokenFeeds`. */
  readonly feeds: Arrays;
  readonly temperature: number;
}

/** A microbatch whose most probable tokens are requested. */
export interface TopJob extends Omit<LogprobJob, 'temperature'> {
  readonly count: number;
}

/** A microbatch to learn from. */
export interface GradientJob extends Omit<LogprobJob, 'temperature'> {
  /** Output of `tokenFeeds` and `lossFeeds`. */
  readonly feeds: Arrays;
  readonly spec: LossSpec;
  /** Receives the gradient, in the order of `parameterLayout`; its content is overwritten. */
  readonly gradient: Float32Array;
}

/** Per-token measurements by name, each [rows · positions]. */
export type TokenMeasurements = Readonly<Record<string, Float32Array>>;

/** A gradient vector to add to another of the same length. */
export interface SumJob {
  readonly total: Float32Array;
  readonly part: Float32Array;
}

/**
 * Executes a trainer's jobs, in this thread or another. Results depend on the job alone, so a trainer may assign its
 * jobs to any number of runners in any order.
 */
export interface MicrobatchRunner extends AsyncDisposable {
  logprobs(job: LogprobJob): Promise<Float32Array>;
  /** [rows · positions, 2 · count]: log-probabilities, best first, then their tokens. */
  top(job: TopJob): Promise<Float32Array>;
  gradient(job: GradientJob): Promise<TokenMeasurements>;
  /** Adds `part` to `total`, element by element in float32. */
  sum(job: SumJob): Promise<void>;
  norm(gradient: Float32Array): Promise<number>;
  /** Applies AdamW to a range of the weights and clears the gradient there. */
  update(job: AdamWUpdate): Promise<void>;
}

export interface MicrobatchRunnerOptions {
  readonly config: ModelConfig;
  /** Threads of ONNX Runtime. */
  readonly threads: number;
  /** Memory for loaded programs; the least recently used are unloaded first, never the one in use. */
  readonly memoryBudgetBytes: number;
}

/** Runs microbatches in this thread, blocking it. Compiles one program per shape and kind of loss, on first use. */
export function createMicrobatchRunner(options: MicrobatchRunnerOptions): MicrobatchRunner {
  const { config } = options;
  const layout = parameterLayout(config);
  const programs = createProgramCache(options);

  return {
    logprobs: async ({ weights, shape, feeds, temperature }) => {
      const ready = await programs.open(`logprobs ${shape.rows}×${shape.positions}`, () =>
        logprobProgram(config, shape),
      );
      const inverseTemperature = Float32Array.of(1 / temperature);
      const outputs = await ready.run({ ...feeds, inverseTemperature, ...tensorViews(layout, weights) });
      return outputs['logprobs']!;
    },
    top: async ({ weights, shape, feeds, count }) => {
      const ready = await programs.open(`top ${count} ${shape.rows}×${shape.positions}`, () =>
        topProgram(config, shape, count),
      );
      const inverseTemperature = Float32Array.of(1);
      const outputs = await ready.run({ ...feeds, inverseTemperature, ...tensorViews(layout, weights) });
      return outputs['top']!;
    },
    gradient: async ({ weights, shape, feeds, spec, gradient }) => {
      const key = `${lossKind(spec)} ${shape.rows}×${shape.positions}`;
      const ready = await programs.open(key, () => gradientProgram(config, shape, spec));
      const scalars = Object.entries(lossScalars(spec)).map(([name, value]) => [
        name,
        Float32Array.of(value),
      ]);
      const views = tensorViews(layout, weights);
      const into = tensorViews(layout, gradient, gradientPrefix);
      const outputs = await ready.run({ ...feeds, ...Object.fromEntries(scalars), ...views }, into);
      return Object.fromEntries(Object.entries(outputs).filter(([name]) => !(name in into)));
    },
    sum: async ({ total, part }) => {
      for (let i = 0; i < total.length; i++) total[i] = total[i]! + part[i]!;
    },
    norm: async (gradient) => gradientNorm(gradient),
    update: async (job) => {
      applyAdamW(layout, job);
      job.gradient.fill(0, job.from, job.to);
    },
    [Symbol.asyncDispose]: () => programs.shrinkTo(0),
  };
}

interface ProgramCache {
  open(key: string, build: () => CompiledGraph): Promise<Program>;
  shrinkTo(bytes: number): Promise<void>;
}

/** Caches programs by key, least recently used first. */
function createProgramCache({ threads, memoryBudgetBytes }: MicrobatchRunnerOptions): ProgramCache {
  const programs = new Map<string, { readonly program: Program; readonly bytes: number }>();
  let used = 0;
  const shrinkTo = async (bytes: number): Promise<void> => {
    for (const [key, unused] of programs) {
      if (used <= bytes) return;
      programs.delete(key);
      used -= unused.bytes;
      await unused.program.close();
    }
  };
  const load = async (graph: CompiledGraph): Promise<{ program: Program; bytes: number }> => {
    await shrinkTo(Math.max(0, memoryBudgetBytes - graph.bytes));
    used += graph.bytes;
    return { program: await openProgram(graph, threads), bytes: graph.bytes };
  };
  const open = async (key: string, build: () => CompiledGraph): Promise<Program> => {
    const entry = programs.get(key) ?? (await load(build()));
    programs.delete(key);
    programs.set(key, entry);
    return entry.program;
  };
  return { open, shrinkTo };
}

/** Splits a flat vector into one view per weight tensor, by name. */
function tensorViews(
  { entries }: ParameterLayout,
  flat: Float32Array,
  prefix = '',
): Record<string, Float32Array> {
  const view = (offset: number, length: number): Float32Array => flat.subarray(offset, offset + length);
  return Object.fromEntries(entries.map(({ name, offset, length }) => [prefix + name, view(offset, length)]));
}
