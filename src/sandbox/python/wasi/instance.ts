import type { CompiledModule } from './web-assembly.ts';

/** Data with which an interpreter starts. The two pipes and the usage records are in shared memory. */
export interface InstanceStart {
  readonly module: CompiledModule;
  readonly role: 'script' | 'program' | 'judge';
  /** The Python source that runs first. */
  readonly main: string;
  /** Python modules by name, loaded in this order. */
  readonly modules: Readonly<Record<string, string>>;
  readonly job: object;
  readonly stdin: string;
  readonly outputBytes: number;
  readonly requests: SharedArrayBuffer;
  readonly replies: SharedArrayBuffer;
  /** Usage record of this instance, and (for a judge) that of the program. See `lifeFields`. */
  readonly life: SharedArrayBuffer;
  readonly programLife: SharedArrayBuffer;
}

/** How an instance ended. A `trap` is WebAssembly's own error: memory out of bounds, stack exhausted. */
export interface InstanceEnd {
  readonly ended: 'exit' | 'trap';
  readonly code: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/**
 * Indices in a usage record, float64: CPU milliseconds when the job was read (0 before that), CPU milliseconds since
 * then at the last measurement from outside, milliseconds slept, whether it is asleep, whether it has ended.
 */
export const lifeFields = { jobCpuMs: 0, cpuMs: 1, sleptMs: 2, isAsleep: 3, hasEnded: 4 } as const;
/** Size of a usage record in bytes. */
export const lifeBytes = 40;
