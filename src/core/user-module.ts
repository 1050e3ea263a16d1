import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, resolve } from 'node:path';
import { ConfigError } from './errors.ts';

/**
 * Returns the default export of a user's module, or undefined if it has none. The module is trusted: it runs with all
 * permissions of the process.
 *
 * @param kind kind of module, for error messages.
 * @throws ConfigError when the file is missing or cannot be loaded.
 */
export function importDefault(file: string, kind: string): unknown {
  if (!existsSync(file)) {
    throw new ConfigError(
      `${file}: expected a ${kind} module, found no such file; paths are relative to the recipe`,
    );
  }
  try {
    return (createRequire(import.meta.url)(file) as { default?: unknown }).default;
  } catch (cause) {
    const isAsync = (cause as NodeJS.ErrnoException).code === 'ERR_REQUIRE_ASYNC_MODULE';
    const why = isAsync ? 'it uses top-level await; await inside a function instead' : String(cause);
    throw new ConfigError(`${file}: cannot load this ${kind} module: ${why}`, { cause });
  }
}

const relativeImport = /(?:\bfrom|\bimport|\brequire)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g;

/**
 * Hashes a module and every local file it imports, so that the version changes when any of them does. Packages from
 * `node_modules` are not hashed: bump the module's version when a new package version changes results.
 */
export function hashModule(file: string): string {
  const hash = createHash('sha256');
  const seen = new Set<string>();
  const read = (path: string): void => {
    if (seen.has(path) || !existsSync(path)) return;
    seen.add(path);
    const text = readFileSync(path, 'utf8');
    hash.update(text).update('\0');
    if (!/^\.[cm]?[jt]s$/.test(extname(path))) return;
    for (const [, imported] of text.matchAll(relativeImport)) read(resolve(dirname(path), imported!));
  };
  read(file);
  return hash.digest('hex').slice(0, 16);
}
