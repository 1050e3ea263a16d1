import { randomFillSync } from 'node:crypto';
import type { WasmMemory } from './web-assembly.ts';

/**
 * What a WebAssembly program sees of a system: arguments, a clock, random bytes, three standard streams and one directory
 * of files that live in this process's memory (WASI preview 1, without sockets, without any file of the host).
 * Written here, and not taken from `node:wasi`, because that one makes no promise of keeping a program in.
 */
export interface WasiHost {
  readonly imports: Readonly<Record<string, unknown>>;
  /** Must be given the instance's memory before it is started. */
  attach(memory: WasmMemory): void;
}

/** A file of the one directory. A missing half refuses that direction. */
export interface HostFile {
  /** Up to `most` bytes; empty at the end. May block. */
  read?(most: number): Uint8Array;
  /** False: nothing more can be written. May block. */
  write?(bytes: Uint8Array): boolean;
}

/** What a host is made of. `sleep` blocks the thread for so many milliseconds. */
export interface WasiHostOptions {
  readonly args: readonly string[];
  /** Standard input, output and error. */
  readonly streams: readonly [HostFile, HostFile, HostFile];
  /** Where the directory appears, e.g. `/io`. */
  readonly directory: string;
  /** Opens a file of the directory by its name; undefined: there is none. */
  readonly open: (name: string) => HostFile | undefined;
  readonly sleep: (ms: number) => void;
}

/** Thrown through the program when it ends itself. */
export class ProgramExit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

const errno = { badf: 8, fbig: 22, inval: 28, noent: 44, nosys: 52, rofs: 69, spipe: 70 } as const;
const fileType = { character: 2, directory: 3 } as const;
const directoryFd = 3;
const [subscriptionBytes, eventBytes] = [48, 32];
const clockEvent = 0;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A host with nothing in it but what `options` names. */
export function createWasiHost(options: WasiHostOptions): WasiHost {
  let memory: WasmMemory | undefined;
  // A program may have grown its memory since the last call, which detaches earlier views.
  const view = (): DataView => new DataView(memory!.buffer);
  const bytes = (at: number, length: number): Uint8Array => new Uint8Array(memory!.buffer, at, length);
  const files = new Map<number, HostFile>(options.streams.entries());
  let nextFd = directoryFd + 1;

  const strings = (list: readonly string[]) => ({
    sizes: (count: number, size: number): number => {
      view().setUint32(count, list.length, true);
      view().setUint32(
        size,
        list.reduce((sum, text) => sum + encoder.encode(text).length + 1, 0),
        true,
      );
      return 0;
    },
    get: (pointers: number, buffer: number): number => {
      let at = buffer;
      for (const [index, text] of list.entries()) {
        const encoded = encoder.encode(`${text}\0`);
        view().setUint32(pointers + 4 * index, at, true);
        bytes(at, encoded.length).set(encoded);
        at += encoded.length;
      }
      return 0;
    },
  });
  const args = strings(options.args);
  const environment = strings([]);

  /** Hands each of `count` buffers to `move` until one is not used up; returns the bytes moved. */
  const eachBuffer = (at: number, count: number, move: (buffer: Uint8Array) => number): number => {
    let total = 0;
    for (let index = 0; index < count; index++) {
      const length = view().getUint32(at + 8 * index + 4, true);
      const moved = length === 0 ? 0 : move(bytes(view().getUint32(at + 8 * index, true), length));
      total += moved;
      if (moved < length) break;
    }
    return total;
  };
  const fdRead = (fd: number, buffers: number, count: number, done: number): number => {
    const file = files.get(fd);
    if (file?.read === undefined) return errno.badf;
    const total = eachBuffer(buffers, count, (buffer) => {
      const part = file.read!(buffer.length);
      buffer.set(part);
      return part.length;
    });
    view().setUint32(done, total, true);
    return 0;
  };
  const fdWrite = (fd: number, buffers: number, count: number, done: number): number => {
    const file = files.get(fd);
    if (file?.write === undefined) return errno.badf;
    let isFull = false;
    const total = eachBuffer(buffers, count, (buffer) => {
      isFull = !file.write!(buffer.slice());
      return isFull ? 0 : buffer.length;
    });
    view().setUint32(done, total, true);
    return isFull ? errno.fbig : 0;
  };
  const describe = (type: number, at: number): number => {
    bytes(at, 64).fill(0);
    view().setUint8(at + 16, type);
    return 0;
  };
  const typeOf = (fd: number): number | undefined =>
    fd === directoryFd ? fileType.directory : files.has(fd) ? fileType.character : undefined;
  const pathAt = (at: number, length: number): string => decoder.decode(bytes(at, length).slice());

  const clock = (id: number, _precision: bigint, at: number): number => {
    const [realtime, monotonic] = [0, 1];
    const ms = id === realtime ? Date.now() : performance.now();
    const cpu = process.threadCpuUsage();
    const ns = id <= monotonic ? BigInt(Math.round(ms * 1e6)) : BigInt(cpu.user + cpu.system) * 1000n;
    view().setBigUint64(at, ns, true);
    return 0;
  };
  /** Waits for the earliest clock when clocks alone are asked for; streams are always ready. */
  const poll = (input: number, output: number, count: number, done: number): number => {
    const subscriptions = Array.from({ length: count }, (_, index) => input + subscriptionBytes * index);
    const isClock = (at: number): boolean => view().getUint8(at + 8) === clockEvent;
    const delayMs = (at: number): number => {
      const ns = view().getBigUint64(at + 24, true);
      const isAbsolute = (view().getUint16(at + 40, true) & 1) === 1;
      const from = !isAbsolute ? 0 : view().getUint32(at + 16, true) === 0 ? Date.now() : performance.now();
      return Math.max(0, Number(ns) / 1e6 - from);
    };
    let ready = subscriptions.filter((at) => !isClock(at));
    if (ready.length === 0 && count > 0) {
      const first = Math.min(...subscriptions.map(delayMs));
      ready = subscriptions.filter((at) => delayMs(at) <= first);
      options.sleep(first);
    }
    for (const [index, at] of ready.entries()) {
      const event = output + eventBytes * index;
      bytes(event, eventBytes).fill(0);
      view().setBigUint64(event, view().getBigUint64(at, true), true);
      view().setUint8(event + 10, view().getUint8(at + 8));
    }
    view().setUint32(done, ready.length, true);
    return 0;
  };

  const refuse = (code: number) => (): number => code;
  const readOnly = refuse(errno.rofs);
  const imports: Record<string, (...values: never[]) => number> = {
    args_sizes_get: args.sizes,
    args_get: args.get,
    environ_sizes_get: environment.sizes,
    environ_get: environment.get,
    clock_res_get: (_id: number, at: number) => (view().setBigUint64(at, 1000n, true), 0),
    clock_time_get: clock,
    fd_read: fdRead,
    fd_write: fdWrite,
    fd_close: (fd: number) => (files.delete(fd) ? 0 : errno.badf),
    fd_fdstat_get: (fd: number, at: number) => {
      const type = typeOf(fd);
      if (type === undefined) return errno.badf;
      bytes(at, 24).fill(0);
      view().setUint8(at, type);
      bytes(at + 8, 16).fill(0xff);
      return 0;
    },
    fd_filestat_get: (fd: number, at: number) => {
      const type = typeOf(fd);
      return type === undefined ? errno.badf : describe(type, at);
    },
    fd_prestat_get: (fd: number, at: number) => {
      if (fd !== directoryFd) return errno.badf;
      view().setUint32(at, 0, true);
      view().setUint32(at + 4, options.directory.length, true);
      return 0;
    },
    fd_prestat_dir_name: (fd: number, at: number, length: number) => {
      if (fd !== directoryFd) return errno.badf;
      bytes(at, length).set(encoder.encode(options.directory).subarray(0, length));
      return 0;
    },
    fd_readdir: (_fd: number, _at: number, _length: number, _cookie: bigint, done: number) => (
      view().setUint32(done, 0, true),
      0
    ),
    path_open: (
      fd: number,
      _lookup: number,
      path: number,
      length: number,
      _flags: number,
      _rights: bigint,
      _inherited: bigint,
      _fdFlags: number,
      opened: number,
    ) => {
      const file = fd === directoryFd ? options.open(pathAt(path, length)) : undefined;
      if (file === undefined) return errno.noent;
      files.set(nextFd, file);
      view().setUint32(opened, nextFd++, true);
      return 0;
    },
    path_filestat_get: (fd: number, _flags: number, path: number, length: number, at: number) => {
      const name = pathAt(path, length);
      if (fd !== directoryFd) return errno.badf;
      if (name === '.' || name === '') return describe(fileType.directory, at);
      return options.open(name) === undefined ? errno.noent : describe(fileType.character, at);
    },
    poll_oneoff: poll,
    proc_exit: (code: number) => {
      throw new ProgramExit(code);
    },
    sched_yield: () => 0,
    random_get: (at: number, length: number) => (randomFillSync(bytes(at, length)), 0),
    fd_seek: refuse(errno.spipe),
    fd_tell: refuse(errno.spipe),
    fd_pread: refuse(errno.spipe),
    fd_pwrite: refuse(errno.spipe),
    fd_advise: () => 0,
    fd_sync: () => 0,
    fd_datasync: () => 0,
    fd_fdstat_set_flags: () => 0,
    path_readlink: refuse(errno.inval),
  };
  for (const name of writing) imports[name] = readOnly;
  for (const name of absent) imports[name] = refuse(errno.nosys);
  return { imports, attach: (given) => (memory = given) };
}

const writing = [
  'fd_allocate',
  'fd_filestat_set_size',
  'fd_filestat_set_times',
  'path_create_directory',
  'path_filestat_set_times',
  'path_link',
  'path_remove_directory',
  'path_rename',
  'path_symlink',
  'path_unlink_file',
];
const absent = ['sock_accept', 'sock_recv', 'sock_send', 'sock_shutdown'];
