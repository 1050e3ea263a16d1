import { readdirSync, readFileSync } from 'node:fs';

/** Returns the CPU milliseconds of all live descendants of this process, except the process `apart` and its
 * descendants. Linux only. */
export function descendantsCpuMs(apart: number): number {
  const processes = new Map(readdirSync('/proc').flatMap((name) => readStat(Number(name))));
  const descends = (pid: number | undefined): boolean =>
    pid !== undefined && pid !== apart && (pid === process.pid || descends(processes.get(pid)?.parent));
  return [...processes]
    .filter(([pid, { parent }]) => pid !== apart && descends(parent))
    .reduce((sum, [, { cpuMs }]) => sum + cpuMs, 0);
}

/**
 * Reads the fields after the command's name, which may contain any character: state, parent, …, user and system time in
 * centiseconds.
 */
function readStat(pid: number): [number, { readonly parent: number; readonly cpuMs: number }][] {
  if (!Number.isInteger(pid)) return [];
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    return [[pid, { parent: fields[1]!, cpuMs: 10 * (fields[11]! + fields[12]!) }]];
  } catch {
    // The process has ended.
    return [];
  }
}
