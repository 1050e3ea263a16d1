import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installEnvironment } from '../engines/torch/install.ts';
import {
  findPython,
  hasNvidia,
  inspectPython,
  type PythonState,
  requirementsFile,
  whatIsMissing,
} from '../engines/torch/python.ts';
import { EngineError, messageOf } from '../core/errors.ts';
import { openPassRateStore } from '../difficulty/pass-rates/sqlite-store.ts';
import type { SandboxLimits } from '../sandbox/sandbox.ts';

/** Result of one check. */
export interface SystemCheck {
  readonly name: string;
  /**
   * `missing`: Gradus cannot train on this machine. `absent`: an optional feature is not available. `info`: information
   * only.
   */
  readonly status: 'ok' | 'missing' | 'absent' | 'info';
  readonly found: string;
  /** Recommended action if the status is not `ok`. */
  readonly advice?: string | undefined;
}

/** Checks the requirements and optional features of training. Leaves no files behind. */
export async function checkSystem(runsFolder: string): Promise<SystemCheck[]> {
  return [
    checkNode(),
    await needed('onnxruntime', 'npm rebuild onnxruntime-node', async () => {
      const { testRuntime } = await import('../engines/embedded/self-test.ts');
      await testRuntime();
      return 'loads and computes';
    }),
    await needed('tokenizers', 'npm ci', checkTokenizer),
    await needed('node:sqlite', 'a Node built with SQLite, e.g. from nodejs.org', () => {
      openPassRateStore(':memory:')[Symbol.dispose]();
      return 'works';
    }),
    await needed('JavaScript sandbox', 'npm ci', checkSandbox),
    await needed('runs folder', `write access to ${resolve(runsFolder)}, or --runs <folder>`, () => {
      requireWritable(nearestExisting(resolve(runsFolder)));
      return `${runsFolder}/ is writable`;
    }),
    {
      name: 'machine',
      status: 'info',
      found: `${availableParallelism()} cores, ${gibibytes(totalmem())} memory, ${gibibytes(freemem())} free`,
    },
    optional('python3', ['python3'], 'needed to judge Python programs'),
    await checkTorch(),
    optional('bubblewrap', ['bwrap'], 'the strongest sandbox for Python programs'),
    optional(
      'chromium',
      ['chromium', 'google-chrome', 'chromium-browser'],
      'only for tests of the dashboard',
    ),
  ];
}

/**
 * Installs the Python packages of the PyTorch engine. @throws EngineError if the installation fails or GRADUS_PYTHON is
 * set.
 */
export async function installTorch(say: (line: string) => void): Promise<void> {
  const { status, found } = await checkTorch();
  if (status === 'ok') return;
  const own = process.env['GRADUS_PYTHON'];
  if (own === undefined) return installEnvironment({ say });
  throw new EngineError(`GRADUS_PYTHON names your own Python, which Gradus does not change; ${found}`, {
    code: 'PYTHON_UNFIT',
    tryNext: `${own} -m pip install -r ${requirementsFile}, or without GRADUS_PYTHON: gradus doctor --fix`,
  });
}

async function checkTorch(): Promise<SystemCheck> {
  const python = findPython();
  const absent = (found: string): SystemCheck => {
    return {
      name: 'PyTorch',
      status: 'absent',
      found,
      advice: 'gradus doctor --fix, for the engine that uses a GPU',
    };
  };
  try {
    const state = await inspectPython(python);
    const missing = whatIsMissing(state);
    if (missing.length > 0) return absent(`${python} lacks ${missing.join(', ')}`);
    const found = describeTorch(python, state);
    if (state.cuda.length === 0 && hasNvidia()) return absent(`${found}, but an NVIDIA driver is present`);
    return { name: 'PyTorch', status: 'ok', found };
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    return absent(`${python} does not run (${why})`);
  }
}

function describeTorch(path: string, { python, packages, cuda }: PythonState): string {
  const devices = cuda.length === 0 ? 'no CUDA device, CPU only' : cuda.join('; ');
  return `${packages['torch']} on Python ${python} (${path}); ${devices}`;
}

function checkNode(): SystemCheck {
  const [major = 0] = process.versions.node.split('.').map(Number);
  const found = `${process.versions.node} on ${process.platform}-${process.arch}`;
  if (major >= 24) return { name: 'node', status: 'ok', found };
  return { name: 'node', status: 'missing', found, advice: 'Node 24 or newer, from nodejs.org' };
}

async function needed(
  name: string,
  advice: string,
  check: () => string | Promise<string>,
): Promise<SystemCheck> {
  try {
    return { name, status: 'ok', found: await check() };
  } catch (error) {
    const found = messageOf(error);
    return { name, status: 'missing', found, advice };
  }
}

function optional(name: string, programs: readonly string[], advice: string): SystemCheck {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = programs.flatMap((program) => folders.map((folder) => join(folder, program)));
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return { name, status: 'ok', found };
  return { name, status: 'absent', found: 'not on PATH', advice };
}

/** Path of the small model that the package includes. */
const tinyModel = fileURLToPath(new URL('../../models/gradus-tiny', import.meta.url));

async function checkTokenizer(): Promise<string> {
  const { openModelFolder } = await import('../engines/model-files/model-folder.ts');
  const { tokenizer } = await openModelFolder(tinyModel);
  const text = tokenizer.decode(tokenizer.encodeText('2+2='));
  if (text === '2+2=') return 'text round-trips through tokens';
  throw new Error(`expected the tokens of "2+2=" to decode to the same text, got ${JSON.stringify(text)}`);
}

const limits: SandboxLimits = { maxCpuMs: 1000, maxMemoryBytes: 2 ** 26, maxOutputCharacters: 100 };

async function checkSandbox(): Promise<string> {
  const { openQuickjsSandbox } = await import('../sandbox/quickjs.ts');
  await using sandbox = openQuickjsSandbox();
  const program = { type: 'function', source: 'x=>3*x', entryPoint: 'f', calls: [[2]] } as const;
  const outcome = await sandbox.run(program, limits);
  const result = outcome.status === 'ran' ? outcome.results[0] : outcome;
  if (result?.status === 'returned' && result.value === 6) return `${sandbox.name} runs programs`;
  throw new Error(`expected 6 from a program in the sandbox, got ${JSON.stringify(result)}`);
}

function requireWritable(folder: string): void {
  if (!statSync(folder).isDirectory()) throw new Error(`${folder} is a file`);
  accessSync(folder, constants.W_OK);
}

/** Returns a path or its nearest existing parent, whose permissions decide whether the folder can be created. */
const nearestExisting = (path: string): string => (existsSync(path) ? path : nearestExisting(dirname(path)));

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
