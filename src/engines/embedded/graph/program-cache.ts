import type { CompiledGraph } from './graph.ts';
import { openProgram, type Program } from './program.ts';

/** A cache of loaded programs by key. */
export interface ProgramCache {
  /** Returns the program for a key; on first use, calls `build` and loads its graph. */
  open(key: string, build: () => CompiledGraph): Promise<Program>;
  /** Unloads programs until the remaining ones need at most this much memory. */
  shrinkTo(bytes: number): Promise<void>;
}

export interface ProgramCacheOptions {
  /** Number of ONNX Runtime threads. */
  readonly threads: number;
  /**
   * Memory of a lane. Loaded programs take at most an eighth of it; unloads the least recently used first, but never the
   * one in use.
   */
  readonly memoryBudgetBytes: number;
}

/** Memory of a loaded program that does not run, besides its constants: nodes and plans of ONNX Runtime. */
const loadedBytes = 2 * 2 ** 20;

/** Maximum memory for loaded programs: enough for the shapes of a step with long and short sequences. */
const mostBytes = 128 * 2 ** 20;

/** Creates an empty cache. */
export function createProgramCache({ threads, memoryBudgetBytes }: ProgramCacheOptions): ProgramCache {
  /** Least recently used first. */
  const programs = new Map<string, { readonly program: Program; readonly bytes: number }>();
  const limit = Math.min(memoryBudgetBytes / 8, mostBytes);
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
    // The model's bytes are mostly constants, which the runtime copies once more.
    const bytes = loadedBytes + 2 * graph.model.length;
    await shrinkTo(Math.max(0, limit - bytes));
    const program = await openProgram(graph, threads);
    used += bytes;
    return { program, bytes };
  };
  const open = async (key: string, build: () => CompiledGraph): Promise<Program> => {
    const entry = programs.get(key) ?? (await load(build()));
    programs.delete(key);
    programs.set(key, entry);
    return entry.program;
  };
  return { open, shrinkTo };
}
