import { resolve } from 'node:path';
import { ConfigError } from '../../core/errors.ts';
import type { TorchConfig } from './config.ts';
import { httpTransport } from './http-transport.ts';
import { processTransport } from './process-transport.ts';
import { findPython, workerFolder } from './python.ts';
import type { OpenTransport } from './transport.ts';

/** Returns the transport that the settings specify: HTTP, ssh or a local process. */
export function openTransport(config: TorchConfig): OpenTransport {
  const { remote, command, python } = config;
  const options = workerOptions(config);
  if (remote?.startsWith('ssh://') === true)
    return processTransport({ command: sshCommand(remote, options), pipes: 'stdio' });
  if (options.length > 0 && (remote ?? command) !== undefined) throw startedElsewhere(options);
  if (remote !== undefined) return httpTransport(remote, tokenFor(remote));
  return processTransport({
    command: command ?? [python ?? findPython(), '-m', 'gradus_worker', ...options],
    env: { ...process.env, PYTHONPATH: workerFolder, PYTHONUNBUFFERED: '1' },
    pipes: 'descriptors',
  });
}

/** Returns the command-line arguments of the worker. */
export const workerOptions = ({
  ranks,
  cluster,
  tinker,
  vllm,
  scratch,
}: Pick<TorchConfig, 'ranks' | 'cluster' | 'tinker' | 'vllm' | 'scratch'>): string[] => [
  ...(ranks === 1 && cluster === undefined ? [] : ['--ranks', String(ranks)]),
  ...(cluster === undefined ? [] : ['--ray', cluster.address]),
  ...(tinker === undefined ? [] : ['--tinker', tinker.baseModel, '--lora-rank', String(tinker.rank)]),
  ...(vllm === undefined ? [] : replicaOptions(vllm)),
  ...(vllm === undefined || scratch === undefined ? [] : ['--weights', resolve(scratch)]),
];

const replicaOptions = ({ replicas, tensorParallel }: NonNullable<TorchConfig['vllm']>): string[] =>
  typeof replicas === 'number'
    ? [
        '--vllm',
        String(replicas),
        ...(tensorParallel === 1 ? [] : ['--tensor-parallel', String(tensorParallel)]),
      ]
    : replicas.flatMap((url) => ['--replica', url]);

const startedElsewhere = (options: readonly string[]): ConfigError =>
  new ConfigError(
    'ranks, cluster, vllm, tinker: expected a worker that Gradus starts, got "remote: http" or "command"; set these options where that worker is started',
    { tryNext: `python -m gradus_worker ${options.join(' ')} --http HOST:PORT` },
  );

function tokenFor(remote: string): string | null {
  const token = process.env['GRADUS_WORKER_TOKEN'];
  if (token !== undefined && token !== '') return token;
  if (['127.0.0.1', '[::1]', 'localhost'].includes(new URL(remote).hostname)) return null;
  throw new ConfigError(
    `remote "${remote}": expected the token of the remote worker in GRADUS_WORKER_TOKEN, got none`,
    { tryNext: 'GRADUS_WORKER_TOKEN=<token> gradus …' },
  );
}

/**
 * Returns the command that starts the worker over ssh, in the folder that the address names. Frames use its stdin and stdout; all other output goes to
 * stderr. Never prompts for a password.
 */
export function sshCommand(remote: string, options: readonly string[] = []): string[] {
  const { username, hostname, port, pathname } = new URL(remote);
  const path = decodeURIComponent(pathname);
  const folder = path.startsWith('/~/') ? `"$HOME"/${quote(path.slice(3))}` : quote(path);
  const script = `cd ${folder} && python=.venv/bin/python && { [ -x $python ] || python=python3; } && PYTHONUNBUFFERED=1 exec $python -m gradus_worker${['', ...options.map(quote)].join(' ')} 3<&0 4>&1 </dev/null >&2`;
  const host = username === '' ? hostname : `${decodeURIComponent(username)}@${hostname}`;
  const ssh = ['ssh', '-T', '-o', 'BatchMode=yes', '-o', 'ServerAliveInterval=15'];
  return [...ssh, ...(port === '' ? [] : ['-p', port]), '--', host, `exec sh -c ${quote(script)}`];
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
