import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as z from 'zod';

/** Folder with the worker's program and requirements, which is part of the package. */
export const workerFolder = fileURLToPath(new URL('../../../worker', import.meta.url));
/** Pinned requirements of the worker. */
export const requirementsFile = join(workerFolder, 'requirements-runtime.txt');

/**
 * Returns the folder of the environment that `gradus doctor --fix` creates: next to the worker in a checkout,
 * otherwise in the user's data folder, because the next install deletes files in `node_modules`.
 */
export function environmentFolder(): string {
  if (!workerFolder.includes(`${sep}node_modules${sep}`)) return join(workerFolder, '.venv');
  return join(process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'gradus', 'torch');
}

/** Returns the interpreter of an environment. */
export const pythonIn = (environment: string): string => join(environment, 'bin', 'python');

/** Returns the Python for the worker: `GRADUS_PYTHON`, else the environment's interpreter, else `python3`. */
export function findPython(): string {
  const own = pythonIn(environmentFolder());
  return process.env['GRADUS_PYTHON'] ?? (existsSync(own) ? own : 'python3');
}

const state = z.strictObject({
  python: z.string(),
  /** Versions of the installed packages. */
  packages: z.record(z.string(), z.string()),
  /** Reason why torch does not load; null if it loads. */
  error: z.string().nullable(),
  cuda: z.array(z.string()),
});

/** State of a Python interpreter: its version, packages and GPUs. */
export type PythonState = z.output<typeof state>;

const probe = `
import importlib.metadata as metadata, json, platform, sys
packages, error, cuda = {}, None, []
for name in sys.argv[1:]:
    try: packages[name] = metadata.version(name)
    except metadata.PackageNotFoundError: pass
if "torch" in packages:
    try:
        import torch
        for i in range(torch.cuda.device_count()):
            one = torch.cuda.get_device_properties(i)
            cuda.append(f"{one.name}, {one.total_memory / 2**30:.0f} GiB")
    except Exception as cause: error = f"{type(cause).__name__}: {cause}"
print(json.dumps({"python": platform.python_version(), "packages": packages, "error": error, "cuda": cuda}))
`;

/** Queries a Python for its packages. Rejects if it cannot be started or does not answer. */
export async function inspectPython(python: string): Promise<PythonState> {
  const args = ['-I', '-c', probe, ...Object.keys(requirements())];
  const { stdout } = await promisify(execFile)(python, args, { timeout: 120_000 });
  return state.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
}

/** Returns the pinned version of each required package, by name. */
export function requirements(): Record<string, string> {
  const lines = readFileSync(requirementsFile, 'utf8').split('\n');
  return Object.fromEntries(
    lines.filter((line) => line.includes('==')).map((line) => line.trim().split('==')),
  );
}

/** Oldest PyTorch version on which the worker runs. */
const leastTorch = { major: 2, minor: 11 };

/** Describes packages that are missing, too old or fail to load; empty if the worker can run. */
export function whatIsMissing({ packages, error }: PythonState): string[] {
  const missing = Object.entries(requirements())
    .filter(([name]) => packages[name] === undefined)
    .map(([name, version]) => `${name} ${version}`);
  const { torch } = packages;
  const [major = 0, minor = 0] = (torch ?? '').split('.').map(Number);
  const isOld = major < leastTorch.major || (major === leastTorch.major && minor < leastTorch.minor);
  if (torch !== undefined && isOld)
    missing.push(`torch ${leastTorch.major}.${leastTorch.minor} or newer (found ${torch})`);
  return error === null ? missing : [...missing, `a torch that loads (${error})`];
}

/** Returns whether the machine has an NVIDIA driver, which CUDA builds of PyTorch need. */
export const hasNvidia = (): boolean =>
  existsSync('/proc/driver/nvidia/version') || onPath('nvidia-smi', process.env['PATH']).length > 0;

/** Finds every file with the given name in the folders of a PATH. */
export const onPath = (name: string, path = ''): string[] =>
  path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .filter((file) => existsSync(file));
