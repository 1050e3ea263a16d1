import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks per second of /proc, fixed on Linux. */
const ticks = 100;

/** Resource usage of a process and its descendants. */
export interface TreeUse {
  /** CPU seconds since the start, including ended children. */
  readonly cpuSeconds: number;
  /** Sum of the peaks of resident memory, MiB. */
  readonly peakMiB: number;
}

/** Reads the usage of a process tree from /proc; null on systems other than Linux. */
export function treeUse(root: number): TreeUse | null {
  const parents = new Map<number, number>();
  const seconds = new Map<number, number>();
  for (const name of listProcesses()) {
    const stat = readOrEmpty(`/proc/${name}/stat`);
    // The second field is the command in parentheses, which may contain spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields.length < 15) continue;
    parents.set(name, Number(fields[1]));
    seconds.set(name, [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0) / ticks);
  }
  if (!seconds.has(root)) return null;
  const isInTree = (id: number | undefined): boolean =>
    id !== undefined && (id === root || isInTree(parents.get(id)));
  const tree = [...seconds.keys()].filter(isInTree);
  return {
    cpuSeconds: tree.reduce((sum, id) => sum + seconds.get(id)!, 0),
    peakMiB: Math.round(tree.reduce((sum, id) => sum + peakOf(id), 0)),
  };
}

const peakOf = (id: number): number =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(readOrEmpty(`/proc/${id}/status`))?.[1] ?? 0) / 1024;

function listProcesses(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** Returns an empty string if the file is gone, because a process may end at any moment. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
