import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPythons, hostCommand, type HostKind } from '../../src/sandbox/python/hosts.ts';
import { createLanePool, type LanePool, type LaneSpec } from '../../src/sandbox/python/lane-pool.ts';
import { openPythonSandbox, pythonSandbox } from '../../src/sandbox/python/python-sandbox.ts';
import { selfTest } from '../../src/sandbox/python/self-test.ts';
import { createWasiPool } from '../../src/sandbox/python/wasi/wasi-pool.ts';
import { filesystem } from './filesystem.ts';
import { openHost, survivors, type Host } from './host.ts';
import { findPackage, type SandboxPackage } from '../../src/sandbox/python/packages.ts';
import { aim, attempt, type HostileProgram } from './hostile-program.ts';
import { kernel } from './kernel.ts';
import { network } from './network.ts';
import { processes } from './processes.ts';
import { resources } from './resources.ts';

const classes = { filesystem, processes, network, kernel, resources };
const programs = Object.values(classes).flat();
const rounds = Number(process.env['GRADUS_HOSTILE_ROUNDS'] ?? 1);
const request = { memoryBytes: 256 << 20, cpuSeconds: 1, outputBytes: 1 << 16, wallMs: 1500 };
const nobody = 65534;

/** Returns an interpreter that works with the guard on this machine, or the reason why no interpreter does. */
async function usable(spec: Omit<LaneSpec, 'python'>): Promise<{ python: string } | { reason: string }> {
  let reason = 'no python3 was found';
  for (const python of findPythons()) {
    if (hostCommand(spec.kind, python, { directory: '/' }) === null)
      return { reason: `${spec.kind} is not installed` };
    await using pool = createLanePool({ ...spec, python }, 1);
    const trouble = await selfTest(pool).then(
      () => null,
      (error: Error) => error.message,
    );
    if (trouble === null) return { python };
    reason = trouble;
  }
  return { reason };
}

const isRoot = process.getuid?.() === 0;
const settings: { title: string; kind: HostKind; user?: number }[] = (
  ['guard', 'bubblewrap'] as const
).flatMap((kind) => [
  { title: `${kind} as the current user`, kind },
  ...(isRoot ? [{ title: `${kind} as an ordinary user`, kind, user: nobody }] : []),
]);

let host: Host;
beforeAll(async () => {
  host = await openHost();
});
afterAll(() => host[Symbol.asyncDispose]());

async function play(pool: LanePool, program: HostileProgram, limits = request): Promise<string> {
  const source = aim(program, host.targets);
  const reply = await pool.run({ ...limits, program: { source, stdin: '' } }).catch((error: Error) => error);
  return reply instanceof Error ? `the lane broke: ${reply.message}` : reply.program.stdout.toString();
}

test('there are many hostile programs, and no two share a name', () => {
  expect(programs.length).toBeGreaterThanOrEqual(80);
  expect(new Set(programs.map(({ name }) => name)).size).toBe(programs.length);
});

for (const setting of settings) {
  const found = await usable(setting);
  const why = 'reason' in found ? ` (skipped: ${found.reason})` : '';
  const python = 'python' in found ? found.python : '';

  describe.skipIf('reason' in found)(`${setting.title}${why}`, () => {
    test.for(Object.entries(classes))(
      'contains every program of class %s',
      { timeout: 120_000 * rounds },
      async ([, list]) => {
        await using pool = createLanePool({ ...setting, python }, 2);
        for (let round = 0; round < rounds; round++) {
          const outputs = await Promise.all(
            list.map(async (program) => ({ name: program.name, output: await play(pool, program) })),
          );
          expect(outputs.filter(({ output }) => /ESCAPED|TOPSECRET|lane broke/.test(output))).toEqual([]);
          expect(host.harm()).toEqual([]);
          await expect.poll(() => survivors(2), { timeout: 5000 }).toEqual([]);
        }
      },
    );
  });
}

const wasi = await openPythonSandbox(pythonSandbox({ kind: 'wasi' })).then(
  (sandbox) => sandbox[Symbol.asyncDispose](),
  (error: Error) => error,
);

describe.skipIf(wasi instanceof Error)('as WebAssembly', () => {
  // Time limits are multiplied by 16, so a program that only waits would take minutes.
  const hasty = { ...request, wallMs: 100 };
  /** False positives: changing a mode has no effect in WebAssembly, and the directory that is found is in memory. */
  const mistaken = new Set(['change the mode of a host file', 'find a directory descriptor left open']);

  test.for(Object.entries(classes))(
    'contains every program of class %s',
    { timeout: 240_000 * rounds },
    async ([, list]) => {
      await using pool = createWasiPool(2);
      for (let round = 0; round < rounds; round++) {
        const outputs = await Promise.all(
          list.map(async (program) => ({ name: program.name, output: await play(pool, program, hasty) })),
        );
        const escaped = ({ name, output }: { name: string; output: string }): boolean =>
          /TOPSECRET|lane broke/.test(output) || (/ESCAPED/.test(output) && !mistaken.has(name));
        expect(outputs.filter(escaped)).toEqual([]);
        expect(host.harm()).toEqual([]);
      }
    },
  );
});

const guard = await usable({ kind: 'guard' });

const numpy = 'reason' in guard ? guard : packageOf(guard.python);

function packageOf(python: string): SandboxPackage | { reason: string } {
  try {
    return findPackage(python, 'numpy');
  } catch (error) {
    return { reason: (error as Error).message };
  }
}

describe.skipIf('reason' in numpy)(
  `with numpy${'reason' in numpy ? ` (skipped: ${numpy.reason})` : ''}`,
  () => {
    const throughNumpy = [
      attempt('read a file as an array', 'import numpy as np\nnp.fromfile("{secretFile}", dtype="u1")'),
      attempt('map a file as an array', 'import numpy as np\nnp.memmap("{secretFile}", mode="r")'),
      attempt('load a pickle of the host', 'import numpy as np\nnp.load("{openFile}", allow_pickle=True)'),
      attempt('write an array over a file', 'import numpy as np\nnp.zeros(9).tofile("{openFile}")'),
      attempt(
        'read what lies beside the package',
        'import numpy as np\nos.listdir(os.path.dirname(os.path.dirname(np.__file__)))',
      ),
      attempt('write into the package', 'import numpy as np\nopen(np.__file__, "a").write("#")'),
      attempt('fetch an array', 'import numpy as np\nnp.genfromtxt("http://127.0.0.1:{port}/")'),
    ];

    test(
      'contains every program, including programs that use numpy',
      { timeout: 120_000 * rounds },
      async () => {
        const packages = 'reason' in numpy ? [] : [numpy];
        const python = 'python' in guard ? guard.python : '';
        await using pool = createLanePool({ kind: 'guard', python, packages }, 2);
        const list = [...throughNumpy, ...filesystem, ...network, ...processes];
        const outputs = await Promise.all(
          list.map(async (program) => ({ name: program.name, output: await play(pool, program) })),
        );
        expect(outputs.filter(({ output }) => /ESCAPED|TOPSECRET|lane broke/.test(output))).toEqual([]);
        expect(outputs.filter(({ output }) => output.includes('No module named'))).toEqual([]);
        expect(host.harm()).toEqual([]);
      },
    );
  },
);

describe.skipIf('reason' in guard || !isRoot)('with the protection switched off (as root)', () => {
  const controlled = Map.groupBy(
    programs.filter(({ controls }) => controls !== undefined),
    ({ controls }) => controls!.join(' and '),
  );
  test.for([...controlled])('without %s each control escapes', { timeout: 60_000 }, async ([, list]) => {
    const python = 'python' in guard ? guard.python : '';
    await using pool = createLanePool({ kind: 'guard', python, switchedOff: [...list[0]!.controls!] }, 1);
    for (const program of list) {
      expect({ name: program.name, output: await play(pool, program) }).toMatchObject({
        output: expect.stringContaining('ESCAPED') as string,
      });
    }
  });
});
