import { randomFillSync } from 'node:crypto';
import { clockCalls } from './clock-calls.ts';
import { fileCalls, type HostFiles } from './file-calls.ts';
import { errno, ProgramMemory, type WasiCalls } from './program-memory.ts';
import type { WasmMemory } from './web-assembly.ts';

/**
 * The system that a WebAssembly program sees (WASI preview 1): arguments, clocks, random bytes, three standard streams
 * and one directory of files in this process's memory; no sockets, no files of the host. It replaces `node:wasi`, which
 * does not promise to contain a program.
 */
export interface WasiHost {
  readonly imports: Readonly<Record<string, unknown>>;
  /** Sets the memory of the instance. Must be called before the program starts. */
  attach(memory: WasmMemory): void;
}

/** Resources of a host. `sleep` blocks the thread for the given number of milliseconds. */
export interface WasiHostOptions extends HostFiles {
  readonly args: readonly string[];
  readonly sleep: (ms: number) => void;
}

/** Thrown through the program when it exits. */
export class ProgramExit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** Creates a host that offers only what `options` names. */
export function createWasiHost(options: WasiHostOptions): WasiHost {
  const memory = new ProgramMemory();
  const imports: WasiCalls = {
    ...refusals,
    ...stringCalls(memory, 'args', options.args),
    ...stringCalls(memory, 'environ', []),
    ...clockCalls(memory, options.sleep),
    ...fileCalls(memory, options),
    proc_exit: (code: number) => {
      throw new ProgramExit(code);
    },
    random_get: (at: number, length: number) => {
      randomFillSync(memory.bytes(at, length));
      return 0;
    },
  };
  return { imports, attach: (given) => memory.attach(given) };
}

/** Creates the two calls that return a list of strings: first the sizes, then pointers and characters. */
function stringCalls(memory: ProgramMemory, name: string, list: readonly string[]): WasiCalls {
  const encoded = list.map((text) => new TextEncoder().encode(`${text}\0`));
  return {
    [`${name}_sizes_get`]: (count: number, size: number) => {
      memory.view.setUint32(count, encoded.length, true);
      const total = encoded.reduce((sum, { length }) => sum + length, 0);
      memory.view.setUint32(size, total, true);
      return 0;
    },
    [`${name}_get`]: (pointers: number, buffer: number) => {
      let at = buffer;
      for (const [index, bytes] of encoded.entries()) {
        memory.view.setUint32(pointers + 4 * index, at, true);
        memory.bytes(at, bytes.length).set(bytes);
        at += bytes.length;
      }
      return 0;
    },
  };
}

const answerAll = (code: number, names: string): WasiCalls =>
  Object.fromEntries(names.split(' ').map((name) => [name, () => code]));

/** Calls that have no effect here, and calls that are rejected. */
const refusals: WasiCalls = {
  ...answerAll(0, 'fd_advise fd_sync fd_datasync fd_fdstat_set_flags'),
  ...answerAll(errno.spipe, 'fd_seek fd_tell fd_pread fd_pwrite'),
  ...answerAll(errno.inval, 'path_readlink'),
  ...answerAll(errno.nosys, 'sock_accept sock_recv sock_send sock_shutdown'),
  ...answerAll(
    errno.rofs,
    'fd_allocate fd_filestat_set_size fd_filestat_set_times path_create_directory path_filestat_set_times path_link ' +
      'path_remove_directory path_rename path_symlink path_unlink_file',
  ),
};
