import type { CallResult, SandboxLimits } from '../sandbox.ts';
import type { LaneReply, ProcessEnd } from './lane.ts';

/**
 * Why a process reached its wall-clock limit: `starved` if the machine did not run it (because of load, suspension or a
 * slow disk); `idle` if it slept although a processor was free.
 */
export type Stall = 'starved' | 'idle';

/** Classifies a stall by the kernel's scheduler statistics for the process. */
export function stallOf(end: ProcessEnd): Stall {
  const idleMs = end.wallMs - end.cpuMs - (end.waitedMs ?? Infinity);
  const isAsleep = /^[SZ]+$/.test(end.states ?? '');
  return isAsleep && idleMs > end.wallMs / 2 ? 'idle' : 'starved';
}

const SIGKILL = 9;
const SIGXCPU = 24;

/** Returns the result of a script, or `stalled`, after which the caller retries. */
export function scriptResult(
  { program }: LaneReply,
  limits: SandboxLimits,
): CallResult | { status: 'stalled'; stall: Stall } {
  if (program.cpuMs > limits.maxCpuMs || isCpuSignal(program)) return { status: 'timeout' };
  if (program.ended === 'killed') return { status: 'stalled', stall: stallOf(program) };
  // A program cannot send signals, so this SIGKILL came from outside, most likely from the kernel's out-of-memory
  // killer.
  if (program.ended === 'signal' && program.code === SIGKILL) return { status: 'stalled', stall: 'starved' };
  const stdout = program.stdout.toString();
  if (stdout.length > limits.maxOutputCharacters || program.stdout.length >= outputBytes(limits))
    return { status: 'overflow' };
  if (program.ended === 'exit' && program.code === 0) return { status: 'printed', stdout };
  return failureOf(program);
}

/** Returns whether the CPU limit ended a process. */
export function isCpuSignal(end: ProcessEnd): boolean {
  return end.ended === 'signal' && end.code === SIGXCPU;
}

/**
 * Returns the maximum number of bytes in any file that a program writes, including its output: enough for
 * `maxOutputCharacters` in any alphabet.
 */
export function outputBytes(limits: SandboxLimits): number {
  return 4 * limits.maxOutputCharacters;
}

/** Describes a failed process in one line: the last line that it wrote to standard error, or how it ended. */
export function failureOf(program: LaneReply['program']): CallResult {
  const lastLine = program.stderr.toString().trim().split('\n').at(-1)?.slice(0, 300) ?? '';
  if (/^MemoryError\b/.test(lastLine)) return { status: 'out-of-memory' };
  const ending =
    program.ended === 'signal' ? `ended by signal ${program.code}` : `ended with exit code ${program.code}`;
  return { status: 'failed', error: lastLine === '' ? ending : lastLine };
}
