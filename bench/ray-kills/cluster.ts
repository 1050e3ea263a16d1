import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';

const script = fileURLToPath(new URL('../../worker/tests/cluster/ray_nodes.py', import.meta.url));

const begun = z.strictObject({ address: z.string(), environment: z.record(z.string(), z.string()) });
const killed = z.strictObject({ killed: z.string() });
const ended = z.strictObject({ left: z.array(z.string()) });

/** A Ray cluster on this machine, whose nodes can be killed. */
export interface RayCluster {
  readonly address: string;
  /** Environment variables for the worker. */
  readonly environment: Readonly<Record<string, string>>;
  /** Kills all processes of one node that runs a rank; returns its address. */
  kill(): Promise<string>;
  /** Starts a node in place of the killed one. */
  add(): Promise<void>;
  /** Counts the processes of ranks. */
  ranks(): Promise<number>;
  /** Stops the cluster; returns the processes that are still running. */
  stop(): Promise<readonly string[]>;
}

/** Starts a cluster of a head node and two nodes with one CPU each. */
export async function startCluster(python: string, seed: number): Promise<RayCluster> {
  const child = spawn(python, [script, String(seed)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let last: Promise<unknown> = Promise.resolve();
  const read = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the Ray cluster ended');
    return JSON.parse(value);
  };
  const ask = (command: string): Promise<unknown> => {
    const found = last.then(() => {
      child.stdin.write(`${command}\n`);
      return read();
    });
    last = found.catch(() => {});
    return found;
  };
  const { address, environment } = begun.parse(await read());
  return {
    address,
    environment,
    kill: async () => killed.parse(await ask('kill')).killed,
    add: async () => void (await ask('add')),
    ranks: async () => z.strictObject({ ranks: z.int() }).parse(await ask('ranks')).ranks,
    stop: async () => {
      await last;
      child.stdin.end();
      return ended.parse(await read()).left;
    },
  };
}
