import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** One turn: some whole steps. */
export interface Turn {
  /** Seconds per step, as measured outside. */
  readonly seconds: number;
  /** Tokens written per step. */
  readonly tokens: number;
  /** Seconds per step by phase, as far as the contender measures them. */
  readonly phases: Readonly<Record<string, number>>;
  /** Peak resident memory of the process so far, MiB; for `torch` without its workers. */
  readonly peakMiB: number;
}

/** A contender's process, which computes only during its turns. */
export interface Contender extends Disposable {
  readonly name: string;
  turn(): Promise<Turn>;
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
  const next = async (): Promise<Omit<Turn, 'seconds'>> => {
    for (;;) {
      const line = await lines.next();
      if (line.done === true)
        throw new Error(`${name}: expected a line after each turn, but the process ended`);
      // Libraries print too.
      if (line.value.startsWith('{"tokens"')) return JSON.parse(line.value) as Omit<Turn, 'seconds'>;
    }
  };
  await next();
  return {
    name,
    turn: async () => {
      const start = performance.now();
      child.stdin.write('go\n');
      const turn = await next();
      return { ...turn, seconds: (performance.now() - start) / 1000 / stepsPerTurn };
    },
    [Symbol.dispose]: () => child.kill(),
  };
}
