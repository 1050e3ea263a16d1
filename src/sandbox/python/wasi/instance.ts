import type { CompiledModule } from './web-assembly.ts';

/** What one Python is started with. Shared memory: the two pipes, and `life`. */
export interface InstanceStart {
  readonly module: CompiledModule;
  readonly role: 'script' | 'program' | 'judge';
  /** The Python text run first. */
  readonly main: string;
  /** Python modules by name, loaded in this order. */
  readonly modules: Readonly<Record<string, string>>;
  readonly job: object;
  readonly stdin: string;
  readonly outputBytes: number;
  readonly requests: SharedArrayBuffer;
  readonly replies: SharedArrayBuffer;
  /** This instance's life, and (for a judge) that of the program. See `lifeFields`. */
  readonly life: SharedArrayBuffer;
  readonly programLife: SharedArrayBuffer;
}

/** How it ended. A `trap` is WebAssembly's: memory out of bounds, stack exhausted. */
export interface InstanceEnd {
  readonly ended: 'exit' | 'trap';
  readonly code: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/**
 * Places in a life, float64: CPU milliseconds at the moment the job was read (0: not yet), CPU milliseconds since then as
 * last seen from outside, milliseconds slept on purpose, whether it sleeps now, whether it has ended.
 */
export const lifeFields = { jobCpuMs: 0, cpuMs: 1, sleptMs: 2, isAsleep: 3, hasEnded: 4 } as const;
/** Bytes of a life. */
export const lifeBytes = 40;
