/**
 * Adds to package-lock.json the optional binaries of platforms that `npm install` omitted: when a registry offers only
 * some platforms, npm drops the others from the lock file, and `npm ci` then fails on all machines. Run it after every
 * `npm install`. It is idempotent.
 *
 *   node scripts/complete-lock.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface LockEntry {
  readonly version: string;
  readonly cpu?: readonly string[];
  readonly dev?: boolean;
  readonly libc?: readonly string[];
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

/** Parses the platform from the name of a binary package: `binding-linux-x64-musl`. */
function entryOf(name: string, version: string, dev: boolean | undefined): LockEntry {
  const words = name.split('/').at(-1)!.split('-');
  const cpu = words.filter((word) => processors.includes(word)).slice(0, 1);
  const os = words.filter((word) => systems.includes(word)).slice(0, 1);
  const libc = words.some((word) => word.startsWith('musl'))
    ? ['musl']
    : words.some((word) => word.startsWith('gnu'))
      ? ['glibc']
      : [];
  return {
    version,
    ...(cpu.length === 0 ? {} : { cpu }),
    ...(dev === true ? { dev } : {}),
    ...(libc.length === 0 || os[0] !== 'linux' ? {} : { libc }),
    optional: true,
    ...(os.length === 0 ? {} : { os }),
  };
}

const file = 'package-lock.json';
const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, LockEntry> };
let added = 0;
for (const [path, { dev, optionalDependencies = {} }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (lock.packages[`node_modules/${name}`] ?? lock.packages[`${path}/node_modules/${name}`]) continue;
    lock.packages[`node_modules/${name}`] = entryOf(name, version.replace(/^[~^=]+/, ''), dev);
    added++;
  }
}
if (added > 0) {
  lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
}
console.log(`${added} optional packages added to ${file}`);
