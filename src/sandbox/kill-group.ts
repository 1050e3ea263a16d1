import type { ChildProcess } from 'node:child_process';

/** Kills a process that was started `detached`, and every other process in its group. */
export function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}
