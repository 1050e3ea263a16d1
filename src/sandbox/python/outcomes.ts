import type { CallResult, SandboxLimits } from '../sandbox.ts';
import type { LaneReply, ProcessEnd } from './lane.ts';

/**
 * Why a process was stopped by the wall clock: `starved` when the machine kept it from the processor (or stopped it, or
 * it waited for a disk), `idle` when it had the processor to itself and slept.
 */
export type Stall = 'starved' | 'idle';

/** Tells the machine's fault from the program's, by the kernel's own account of how the program spent its life. */
export function stallOf(end: ProcessEnd): Stall {
  const idleMs = end.wallMs - end.cpuMs - (end.waitedMs ?? Infinity);
  const isAsleep = /^[SZ]+$/.test(end.states ?? '');
  return isAsleep && idleMs > end.wallMs / 2 ? 'idle' : 'starved';
}

const SIGKILL = 9;
const SIGXCPU = 24;

/** What became of a script; a stall by the wall clock is for the caller to retry. */
export function scriptResult(
  { program }: LaneReply,
  limits: SandboxLimits,
): CallResult | { status: 'stalled'; stall: Stall } {
  if (program.cpuMs > limits.maxCpuMs || isCpuSignal(program)) return { status: 'timeout' };
  if (program.ended === 'killed') return { status: 'stalled', stall: stallOf(program) };
  // It cannot signal itself or others: somebody outside did, most likely the kernel for want of memory.
  if (program.ended === 'signal' && program.code === SIGKILL) return { status: 'stalled', stall: 'starved' };
  const stdout = program.stdout.toString();
  if (stdout.length > limits.maxOutputCharacters || program.stdout.length >= outputBytes(limits))
    return { status: 'overflow' };
  if (program.ended === 'exit' && program.code === 0) return { status: 'printed', stdout };
  return failureOf(program);
}

/** Whether a process ended by its CPU limit. */
export function isCpuSignal(end: ProcessEnd): boolean {
  return end.ended === 'signal' && end.code === SIGXCPU;
}

/** Bytes a program may write to any file, its output included: room for `maxOutputCharacters` of any script. */
export function outputBytes(limits: SandboxLimits): number {
  return 4 * limits.maxOutputCharacters;
}

/** A failed process in one line: the last one it wrote to standard error, or how it ended. */
export function failureOf(program: LaneReply['program']): CallResult {
  const lastLine = program.stderr.toString().trim().split('\n').at(-1)?.slice(0, 300) ?? '';
  if (/^MemoryError\b/.test(lastLine)) return { status: 'out-of-memory' };
  const ending =
    program.ended === 'signal' ? `ended by signal ${program.code}` : `ended with exit code ${program.code}`;
  return { status: 'failed', error: lastLine === '' ? ending : lastLine };
}
