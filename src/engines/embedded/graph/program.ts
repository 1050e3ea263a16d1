import * as ort from 'onnxruntime-node';
import { EngineError } from '../../../core/errors.ts';
import type { CompiledGraph } from './graph.ts';
import type { OnnxValue } from './onnx.ts';

/** Arrays by input or output name. */
export type Arrays = Readonly<Record<string, Float32Array | Int32Array>>;

/** A compiled graph loaded into the runtime. */
export interface Program {
  /** Inputs that `run` requires. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /**
   * Runs the program once, blocking the thread. Writes outputs named in `into` directly to those arrays;
   * returns all other outputs as new arrays.
   */
  run(feeds: Arrays, into?: Readonly<Record<string, Float32Array>>): Promise<Record<string, Float32Array>>;
  /** Frees the runtime's memory; the program becomes unusable. */
  close(): Promise<void>;
}

/**
 * Loads a graph for `threads` threads. Disables the runtime's optimiser and memory patterns, which did not speed up any
 * step but doubled loading time and memory.
 */
export async function openProgram(graph: CompiledGraph, threads: number): Promise<Program> {
  const session = await ort.InferenceSession.create(graph.model, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'disabled',
    // An arena would keep the peak memory of each loaded program, whether it runs or not.
    enableCpuMemArena: false,
    enableMemPattern: false,
    logSeverityLevel: 3,
    // Spinning threads would compete with other lanes and programs.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  return {
    inputs: graph.inputs,
    outputs: graph.outputs,
    run: async (feeds, into = {}) => {
      const inputs = Object.fromEntries(
        graph.inputs.map((value) => [value.name, tensor(value, feeds[value.name])]),
      );
      const outputs = Object.fromEntries(
        graph.outputs.map((value) => [
          value.name,
          value.name in into ? tensor(value, into[value.name]) : null,
        ]),
      );
      const results = await session.run(inputs, outputs);
      freeCopies(results, into);
      const result = ({ name }: OnnxValue): Float32Array =>
        into[name] ?? (results[name]!.data as Float32Array);
      return Object.fromEntries(graph.outputs.map((value) => [value.name, result(value)]));
    },
    close: () => session.release(),
  };
}

/**
 * Frees the copies that the binding of ONNX Runtime makes of outputs which the caller provided. Garbage collection would
 * free them several runs later.
 */
export function freeCopies(results: ort.InferenceSession.ReturnType, provided: object): void {
  for (const name of Object.keys(provided)) {
    const { data } = results[name]!;
    if (ArrayBuffer.isView(data) && data.buffer instanceof ArrayBuffer) data.buffer.transfer(0);
  }
}

function tensor({ name, type, shape }: OnnxValue, data: Float32Array | Int32Array | undefined): ort.Tensor {
  if (data === undefined) throw new EngineError(`program: expected an array for "${name}", got none`);
  return new ort.Tensor(type, data, shape as number[]);
}
