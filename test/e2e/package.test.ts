import { type ExecFileException, execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

/*
 * Packs Gradus and uses the tarball as a user does: in an empty folder, with an empty home, without the checkout. The
 * dependencies are links to the installed ones, and no development dependency is reachable; with
 * GRADUS_TEST_INSTALL=npm, npm installs them.
 */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 480_000 });

const folder = mkdtempSync(join(tmpdir(), 'gradus-package-'));
const place = join(folder, 'project');
const installed = join(place, 'node_modules/gradus');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A Node older than 24 on this machine, as many distributions ship it. */
const oldNode = ['/usr/bin/node', '/usr/local/bin/node'].find((path) => {
  const version = spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout as string | null;
  return Number(/^v(\d+)/.exec(version ?? '')?.[1] ?? 99) < 24;
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the installed command with nothing in its environment but HOME, PATH and `more`. */
function gradus(
  args: readonly string[],
  node = process.execPath,
  more: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const env = { HOME: join(folder, 'home'), PATH: '/usr/bin:/bin', ...more };
  const options = { cwd: place, env, maxBuffer: 2 ** 26 };
  return new Promise((done) => {
    const end = (error: ExecFileException | null, stdout: string, stderr: string): void =>
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    execFile(node, [join(installed, 'bin/gradus.mjs'), ...args], options, end);
  });
}

/** Packs a copy of the checkout, because packing writes build files. */
function pack(): string {
  const copy = join(folder, 'checkout');
  const left = /^(?:node_modules|\.git|dist|runs|test|bench|worker\/\.venv)(?:\/|$)/;
  cpSync('.', copy, { recursive: true, filter: (path) => !left.test(path) });
  symlinkSync(resolve('node_modules'), join(copy, 'node_modules'));
  execFileSync('npm', ['pack', '--loglevel=error', '--pack-destination', folder], {
    cwd: copy,
    stdio: 'pipe',
  });
  return join(folder, 'gradus-0.1.0.tgz');
}

/** Links the packages that `npm install` of the tarball would install. */
function linkDependencies(): void {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
  };
  for (const [path, { dev }] of Object.entries(packages)) {
    const [, name = '', nested] = /^node_modules\/(.+?)(\/node_modules\/.*)?$/.exec(path) ?? [];
    if (name === '' || nested !== undefined || dev === true || !existsSync(path)) continue;
    mkdirSync(dirname(join(place, 'node_modules', name)), { recursive: true });
    symlinkSync(resolve(path), join(place, 'node_modules', name));
  }
}

beforeAll(() => {
  mkdirSync(join(folder, 'home'));
  mkdirSync(place);
  const tarball = pack();
  writeFileSync(join(place, 'package.json'), '{}');
  if (process.env['GRADUS_TEST_INSTALL'] === 'npm') {
    execFileSync('npm', ['install', '--ignore-scripts', '--prefer-offline', tarball], {
      cwd: place,
      stdio: 'pipe',
    });
    return;
  }
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['xzf', tarball, '--strip-components=1', '-C', installed]);
  linkDependencies();
});

test('ships recipes, docs, examples, integrations and the worker, but no sources or tests', () => {
  const kept =
    'recipes/demo/recipe.ts docs/README.md examples/grpo-loop.ts integrations/trl_reward.py dist/web/index.html';
  for (const file of [
    ...kept.split(' '),
    'worker/gradus_worker/__main__.py',
    'python/gradus/__init__.py',
    'models/gradus-tiny/config.json',
  ])
    expect({ file, isShipped: existsSync(join(installed, file)) }).toEqual({ file, isShipped: true });
  for (const file of ['src', 'test', 'bench', 'web', 'worker/tests', 'python/tests'])
    expect({ file, isShipped: existsSync(join(installed, file)) }).toEqual({ file, isShipped: false });
});

test('starts, and reports on the machine', async () => {
  expect(await gradus(['--help'])).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringContaining('demo'),
  });
  const doctor = await gradus(['doctor']);
  expect(doctor.stdout).toMatch(/node +24\.\d+/i);
  expect(doctor.stderr).toBe('');
});

test('trains a few steps of the demo, and a recipe that imports gradus', async () => {
  const short = ['--set', 'stages[0].maxSteps=2', '--set', 'evaluation[0].problems[0].perCell=1'];
  const demo = await gradus(['demo', ...short]);
  expect(demo).toMatchObject({ code: 0, stdout: expect.stringContaining('run: runs/demo-0001') });
  writeFileSync(
    join(place, 'mine.ts'),
    `import { defineRecipe } from 'gradus';
import demo from './node_modules/gradus/recipes/demo/recipe.ts';
export default defineRecipe({ ...demo, name: 'mine', policy: { model: 'runs/demo-0001/export' } });`,
  );
  const mine = await gradus(['train', 'mine.ts', '--dry-run']);
  expect(mine).toMatchObject({ code: 0, stdout: expect.stringContaining('recipe "mine" is valid') });
});

test.skipIf(oldNode === undefined)(
  'runs on the Node of GRADUS_NODE if its own Node is too old (skipped without an old Node)',
  async () => {
    const version = await gradus(['--version'], oldNode, { GRADUS_NODE: process.execPath });
    expect(version).toMatchObject({ code: 0, stderr: '', stdout: '0.1.0\n' });
    const wrong = await gradus(['--version'], oldNode, { GRADUS_NODE: oldNode });
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/GRADUS_NODE=.*: expected the path of a Node ≥ 24[^]*try: /);
    const failing = await gradus(['trian'], oldNode, { GRADUS_NODE: process.execPath });
    expect(failing.code).toBe(2);
  },
);

test.skipIf(oldNode === undefined)(
  'installs Node once with npm if no Node is new enough (skipped without an old Node)',
  async () => {
    const tools = join(folder, 'tools');
    mkdirSync(tools);
    writeFileSync(
      join(tools, 'npm'),
      `#!/bin/sh
for last; do :; done
folder="$3/node_modules/\${last%@*}/bin"
mkdir -p "$folder" && ln -s '${process.execPath}' "$folder/node" && echo "called with $last" >&2`,
    );
    chmodSync(join(tools, 'npm'), 0o755);
    const env = { PATH: `${tools}:/usr/bin:/bin` };
    const first = await gradus(['--version'], oldNode, env);
    expect(first).toMatchObject({ code: 0, stdout: '0.1.0\n' });
    expect(first.stderr).toMatch(
      /Installing Node 24 for Gradus in .*\/home\/\.cache\/gradus\/node-24[^]*called with node-.*@24/,
    );
    expect(await gradus(['--version'], oldNode, env)).toMatchObject({
      code: 0,
      stderr: '',
      stdout: '0.1.0\n',
    });
  },
);

test.skipIf(oldNode === undefined)(
  'names the fix if npm cannot install Node (skipped without an old Node)',
  async () => {
    const env = { PATH: join(folder, 'nowhere'), HOME: join(folder, 'other-home') };
    const ended = await gradus(['--version'], oldNode, env);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(
      /Gradus needs Node 24 or newer[^]*try: install Node 24 from nodejs\.org, or set GRADUS_NODE/,
    );
  },
);
