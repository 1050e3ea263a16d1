import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { fetchHubFiles } from '../../src/hub/hub.ts';
import { commitOf, type FakeHub, openFakeHub } from './fake-hub.ts';

/*
 * Tests huggingface_hub and Gradus on a shared cache folder. The Python package is in the worker's environment;
 * GRADUS_PYTHON names another interpreter.
 */

const python = process.env['GRADUS_PYTHON'] ?? 'worker/.venv/bin/python';
const hasPackage = spawnSync(python, ['-c', 'import huggingface_hub']).status === 0;

const commit = commitOf('tiny');
const converted = commitOf('converted');
const contents = {
  'config.json': '{"model_type":"qwen2"}',
  'model.safetensors': 'weights'.repeat(10_000),
  'README.md': '# tiny',
};
const model = {
  kind: 'model' as const,
  name: 'us/tiny',
  commits: { [commit]: contents },
  branches: { main: commit },
  lfs: ['model.safetensors'],
};
const dataset = {
  name: 'us/sums',
  commits: { [converted]: { 'default/train/0000.parquet': 'rows' } },
  branches: { 'refs/convert/parquet': converted },
  lfs: ['default/train/0000.parquet'],
};

let home: string;
let cache: string;
let hub: FakeHub;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'gradus-hub-'));
  cache = join(home, 'hub');
  hub = await openFakeHub([model, dataset]);
  vi.stubEnv('HF_HOME', home);
  vi.stubEnv('HF_HUB_CACHE', undefined);
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_TOKEN', undefined);
  vi.stubEnv('HF_HUB_OFFLINE', undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
});

/** Runs Python code with the package imported as `hf`; returns the value of `result`. */
async function inPython(lines: string, env: Record<string, string> = {}): Promise<unknown> {
  const program = `import json, huggingface_hub as hf\n${lines}\nprint(json.dumps(result))`;
  const { stdout } = await promisify(execFile)(python, ['-c', program], { env: { ...process.env, ...env } });
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

const downloads = (): string[] =>
  hub.requests.map(({ path }) => path).filter((path) => !path.startsWith('/api/'));
const read = async (address: string): Promise<Record<string, string>> => {
  const { files } = await fetchHubFiles(address);
  return Object.fromEntries(files.map(({ path, file }) => [path, readFileSync(file, 'utf8')]));
};
const { 'README.md': _, ...modelFiles } = contents;

describe.skipIf(!hasPackage)('a cache shared with huggingface_hub', () => {
  test.each([
    ['links', '0'],
    ['files', '1'],
  ])('a Python snapshot of %s is not downloaded again', async (_kind, HF_HUB_DISABLE_SYMLINKS) => {
    await inPython("result = hf.snapshot_download('us/tiny')", { HF_HUB_DISABLE_SYMLINKS });
    hub.requests.length = 0;
    expect(await read('hf://us/tiny')).toEqual(modelFiles);
    expect(downloads()).toEqual([]);
  });

  test.each(['with', 'without'])('a Python snapshot is read offline, %s its tree file', async (kind) => {
    await inPython("result = hf.snapshot_download('us/tiny')");
    // Versions before 2 write no tree files.
    if (kind === 'without') rmSync(join(cache, 'models--us--tiny', 'trees'), { recursive: true });
    hub.requests.length = 0;
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect(await read('hf://us/tiny')).toEqual(modelFiles);
    expect(await read(`hf://us/tiny@${commit}`)).toEqual(modelFiles);
    expect(hub.requests).toEqual([]);
  });

  test('only files missing from a Python snapshot are downloaded', async () => {
    await inPython("result = hf.hf_hub_download('us/tiny', 'model.safetensors')");
    hub.requests.length = 0;
    expect(await read('hf://us/tiny')).toEqual(modelFiles);
    expect(downloads()).toEqual([`/us/tiny/resolve/${commit}/config.json`]);
  });

  test('Python finds downloads of Gradus offline, and its scan reports no damage', async () => {
    const { folder, files } = await fetchHubFiles('hf://us/tiny');
    const [rows] = (await fetchHubFiles('hf://datasets/us/sums@refs%2Fconvert%2Fparquet/default/train'))
      .files;
    hub.requests.length = 0;
    const found = await inPython(
      `
names = ${JSON.stringify(files.map(({ path }) => path))}
scan = hf.scan_cache_dir()
result = {
  'files': [hf.hf_hub_download('us/tiny', name) for name in names],
  'folder': hf.snapshot_download('us/tiny', allow_patterns=['*.json', '*.safetensors']),
  'rows': hf.hf_hub_download('us/sums', 'default/train/0000.parquet', repo_type='dataset', revision='refs/convert/parquet'),
  'warnings': [str(one) for one in scan.warnings],
  'scanned': sorted((one.repo_type, one.repo_id, one.nb_files) for one in scan.repos),
}`,
      { HF_HUB_OFFLINE: '1' },
    );
    expect(found).toEqual({
      files: files.map(({ file }) => file),
      folder,
      rows: rows!.file,
      warnings: [],
      scanned: [
        ['dataset', 'us/sums', 1],
        ['model', 'us/tiny', 2],
      ],
    });
    expect(hub.requests).toEqual([]);
    const { path, file } = files.at(-1)!;
    expect([path, realpathSync(file)]).toEqual([
      'model.safetensors',
      expect.stringMatching(/models--us--tiny\/blobs\/[0-9a-f]{64}$/),
    ]);
  });

  test('Python moves a branch in a cache that Gradus wrote, and Gradus reads the new commit', async () => {
    await fetchHubFiles('hf://us/tiny');
    const later = commitOf('later');
    const moved = {
      ...model,
      commits: { ...model.commits, [later]: { ...contents, 'config.json': '{}' } },
      branches: { main: later },
    };
    await hub[Symbol.asyncDispose]();
    hub = await openFakeHub([moved]);
    vi.stubEnv('HF_ENDPOINT', hub.endpoint);
    await inPython("result = hf.snapshot_download('us/tiny', allow_patterns=['*.json'])");
    hub.requests.length = 0;
    expect((await read('hf://us/tiny'))['config.json']).toBe('{}');
    // The weights are the same blob in both commits.
    expect(downloads()).toEqual([]);
  });
});
