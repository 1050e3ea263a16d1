import { spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Uses one CPU thread, because several threads on a busy machine wait for each other. */
const environment = {
  HF_HUB_OFFLINE: '1',
  OMP_NUM_THREADS: '1',
  VLLM_CPU_KVCACHE_SPACE: '1',
  VLLM_CPU_OMP_THREADS_BIND: '0',
  VLLM_NO_USAGE_STATS: '1',
};

/** A model server that has answered `/v1/models`. */
export interface RunningServer {
  /** For example `http://127.0.0.1:8000`. */
  readonly origin: string;
  /** Kills the server and its workers. */
  stop(): void;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/**
 * Starts a server in its own process group, because vLLM's workers survive their parent.
 *
 * @param python interpreter in which the server is installed.
 * @throws Error with the end of its stderr if the server exits.
 */
export async function startServer(
  python: string,
  args: (port: number) => readonly string[],
): Promise<RunningServer> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const env = { ...process.env, ...environment };
  const child = spawn(python, args(port), { env, detached: true, stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)));
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended: ${said}`);
    const models = await fetch(`${origin}/v1/models`).catch(() => undefined);
    if (models?.status === 200) return { origin, stop: () => void process.kill(-child.pid!, 'SIGKILL') };
    await sleep(500);
  }
}

const vllmFlags = '--dtype float32 --max-model-len 256 --enforce-eager --generation-config vllm';

/** Returns the arguments that make a Python interpreter serve a model folder with vLLM. */
export const vllmServer =
  (model: string, name: string, more: readonly string[] = []) =>
  (port: number): string[] => {
    const address = ['--host', '127.0.0.1', '--port', String(port)];
    const served = ['--model', model, '--served-model-name', name];
    return [
      '-m',
      'vllm.entrypoints.openai.api_server',
      ...served,
      ...vllmFlags.split(' '),
      ...address,
      ...more,
    ];
  };
