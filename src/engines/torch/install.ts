import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EngineError } from '../../core/errors.ts';
import {
  environmentFolder,
  hasNvidia,
  inspectPython,
  onPath,
  pythonIn,
  requirementsFile,
  whatIsMissing,
} from './python.ts';
import { makeFolder } from '../../storage/make-folder.ts';

/** The oldest Python on which the worker runs, and the newest that its pinned packages support. */
const supported = { least: [3, 11], most: [3, 14] } as const;
const names = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11'];

/** Disk space that PyTorch needs during installation, in GiB. */
const room = { cpu: 3, cuda: 12 } as const;

/** PyTorch's index of CPU-only builds, which are a tenth of the size. */
const cpuWheels = 'https://download.pytorch.org/whl/cpu';

/** Options of `installEnvironment`. */
export interface Installation {
  /** Default: `environmentFolder()`. */
  readonly folder?: string;
  /** The PATH in which to search for `python3`. Default: that of this process. */
  readonly path?: string | undefined;
  readonly say?: (line: string) => void;
}

/**
 * Creates the Python environment of the PyTorch engine: a virtual environment with the pinned packages, for
 * CUDA if the machine has an NVIDIA driver. Completes an existing environment; removes a new one that could
 * not be finished.
 *
 * @throws EngineError (code `PYTHON_UNFIT`) that names the problem and the fix.
 */
export async function installEnvironment({
  folder = environmentFolder(),
  path = process.env['PATH'],
  say = () => {},
}: Installation = {}): Promise<void> {
  const python = pythonIn(folder);
  const kind = hasNvidia() ? 'cuda' : 'cpu';
  await requireRoom(folder, kind);
  const isNew = !existsSync(python);
  try {
    if (isNew) {
      const base = await findBase(path);
      say(`making ${folder} with ${base}`);
      await run([base, '-m', 'venv', folder], say, venvProblem);
    }
    say(`installing PyTorch for ${kind === 'cuda' ? 'CUDA' : 'the processor'}; this takes a few minutes`);
    await run(await pipCommand(python, kind), say, pipProblem);
    const missing = whatIsMissing(await inspectPython(python));
    if (missing.length > 0)
      throw unfit(`pip reported success, but these are missing: ${missing.join(', ')}`, 'gradus doctor');
  } catch (error) {
    if (isNew) await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function pipCommand(python: string, kind: 'cpu' | 'cuda'): Promise<string[]> {
  const before = await inspectPython(python).catch(() => null);
  // Otherwise pip accepts the installed CPU build of the same version.
  const isWrongBuild = kind === 'cuda' && before?.packages['torch']?.endsWith('+cpu') === true;
  const command = [python, '-m', 'pip', 'install', '--disable-pip-version-check', '-r', requirementsFile];
  if (kind === 'cpu' && process.platform === 'linux') command.push('--extra-index-url', cpuWheels);
  if (isWrongBuild) command.push('--force-reinstall');
  return command;
}

/** Finds the first Python on PATH that the packages support. */
async function findBase(path: string | undefined): Promise<string> {
  const found = names.flatMap((name) => onPath(name, path));
  const tooOld: string[] = [];
  for (const one of found) {
    const said = await output([one, '-c', 'import sys; print("%d.%d" % sys.version_info[:2])']).catch(
      () => '',
    );
    const version = said.trim().split('.').map(Number);
    if (version.length === 2 && isBetween(version)) return one;
    tooOld.push(`${one} is ${said.trim() === '' ? 'broken' : said.trim()}`);
  }
  const range = `Python ${supported.least.join('.')} to ${supported.most.join('.')}`;
  const got = found.length === 0 ? 'no python3 on PATH' : tooOld.join(', ');
  throw unfit(`expected ${range}, found ${got}`, 'apt-get install python3 python3-venv, or python.org');
}

function isBetween([major = 0, minor = 0]: readonly number[]): boolean {
  const place = 100 * major + minor;
  const [least, most] = [supported.least, supported.most].map(([one, two]) => 100 * one + two);
  return place >= least! && place <= most!;
}

async function requireRoom(folder: string, kind: keyof typeof room): Promise<void> {
  const parent = dirname(folder);
  try {
    await makeFolder(parent);
  } catch (cause) {
    throw unfit(
      `${parent} is not writable (${String(cause)})`,
      'XDG_DATA_HOME=<folder> gradus doctor --fix',
      cause,
    );
  }
  const { bavail, bsize } = await statfs(parent);
  const free = (bavail * bsize) / 2 ** 30;
  if (free >= room[kind]) return;
  throw unfit(
    `expected ${room[kind]} GiB free for PyTorch in ${parent}, found ${free.toFixed(1)}`,
    `df -h ${parent}`,
  );
}

/**
 * Runs a command to its end and passes its output on to `say`. If the command fails, throws the error that `explain`
 * builds from its output.
 */
async function run(
  command: readonly string[],
  say: (line: string) => void,
  explain: (said: string) => EngineError,
): Promise<void> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-20_000);
      for (const line of text.split('\n'))
        if (/^(Collecting|Downloading|Installing)/.test(line)) say(`  ${line}`);
    });
  }
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', ({ message }) => {
      said += message;
      resolve(null);
    });
    child.on('close', resolve);
  });
  if (code !== 0) throw explain(said);
}

async function output(command: readonly string[]): Promise<string> {
  let said = '';
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  return said;
}

function venvProblem(said: string): EngineError {
  if (/ensurepip|No module named venv/.test(said))
    return unfit('this Python has no venv module', 'apt-get install python3-venv, then: gradus doctor --fix');
  return (
    diskProblem(said) ?? unfit(`cannot create the environment: ${ending(said)}`, 'python3 -m venv --help')
  );
}

function pipProblem(said: string): EngineError {
  const isOffline = /NameResolution|Temporary failure|Connection|ConnectTimeout|timed out|unreachable/i.test(
    said,
  );
  return (
    diskProblem(said) ??
    (isOffline
      ? unfit(
          'the package index cannot be reached',
          'with a network, or a mirror: PIP_INDEX_URL=<url> gradus doctor --fix',
        )
      : unfit(`pip could not install the packages: ${ending(said)}`, `pip install -r ${requirementsFile}`))
  );
}

const diskProblem = (said: string): EngineError | null =>
  /No space left|Errno 28|Disk quota/.test(said)
    ? unfit(`the disk is full`, `df -h ${dirname(environmentFolder())}`)
    : null;

const ending = (said: string): string => said.trim().split('\n').slice(-4).join('\n');

const unfit = (what: string, tryNext: string, cause?: unknown): EngineError =>
  new EngineError(`the Python environment of the PyTorch engine: ${what}`, {
    code: 'PYTHON_UNFIT',
    tryNext,
    cause,
  });
