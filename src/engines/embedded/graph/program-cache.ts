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
  /** Memory for loaded programs; unloads the least recently used first, but never the one in use. */
  readonly memoryBudgetBytes: number;
}

/** Creates an empty cache. */
export function createProgramCache({ threads, memoryBudgetBytes }: ProgramCacheOptions): ProgramCache {
  /** Least recently used first. */
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
    const program = await openProgram(graph, threads);
    used += graph.bytes;
    return { program, bytes: graph.bytes };
  };
  const open = async (key: string, build: () => CompiledGraph): Promise<Program> => {
    const entry = programs.get(key) ?? (await load(build()));
    programs.delete(key);
    programs.set(key, entry);
    return entry.program;
  };
  return { open, shrinkTo };
}
