import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { treeUse } from './process-tree.ts';

/** Result of a turn of several whole steps. */
export interface Turn {
  /** Tokens written per step. */
  readonly tokens: number;
  /** Seconds per step by phase, for the phases that the contender measures. */
  readonly phases: Readonly<Record<string, number>>;
}

/** A turn as measured from outside. */
export interface MeasuredTurn extends Turn {
  /** Seconds per step. */
  readonly seconds: number;
  /** CPU seconds per step, of all processes and threads; hardly affected by other load. NaN outside Linux. */
  readonly cpuSeconds: number;
  /** Peak resident memory so far, MiB. NaN outside Linux. */
  readonly peakMiB: number;
}

/** A contender's process, which computes only during its turns. */
export interface Contender extends Disposable {
  readonly name: string;
  turn(): Promise<MeasuredTurn>;
}

/** Starts a contender and waits for its first step. The process prints a line when it is ready and one after each turn. */
export async function startContender(
  name: string,
  [command, ...args]: readonly string[],
  { threads, stepsPerTurn }: { readonly threads: number; readonly stepsPerTurn: number },
): Promise<Contender> {
  const child = spawn(command!, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, OMP_NUM_THREADS: String(threads), TOKENIZERS_PARALLELISM: 'false' },
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<Turn> => {
    for (;;) {
      const line = await lines.next();
      if (line.done === true)
        throw new Error(`${name}: expected a line after each turn, but the process ended`);
      // Skip lines that libraries print.
      if (line.value.startsWith('{"tokens"')) return JSON.parse(line.value) as Turn;
    }
  };
  await next();
  return {
    name,
    turn: async () => {
      const before = treeUse(child.pid!);
      const start = performance.now();
      child.stdin.write('go\n');
      const turn = await next();
      const seconds = (performance.now() - start) / 1000 / stepsPerTurn;
      const after = treeUse(child.pid!);
      const cpu = (after?.cpuSeconds ?? NaN) - (before?.cpuSeconds ?? NaN);
      return { ...turn, seconds, cpuSeconds: cpu / stepsPerTurn, peakMiB: after?.peakMiB ?? NaN };
    },
    [Symbol.dispose]: () => child.kill(),
  };
}
