import { errno, type ProgramMemory, type WasiCalls } from './program-memory.ts';

/**
 * A stream, or a file in the directory. A file without `read` cannot be read; one without `write` cannot be written.
 */
export interface HostFile {
  /** Returns up to `most` bytes; empty at the end. May block. */
  read?(most: number): Uint8Array;
  /** Returns false once nothing more can be written. May block. */
  write?(bytes: Uint8Array): boolean;
}

/** The files that a program sees. */
export interface HostFiles {
  /** Standard input, output and error. */
  readonly streams: readonly [HostFile, HostFile, HostFile];
  /** Path of the directory as the program sees it, e.g. `/io`. */
  readonly directory: string;
  /** Opens a file in the directory by its name; returns undefined if it does not exist. */
  readonly open: (name: string) => HostFile | undefined;
}

const fileType = { character: 2, directory: 3 } as const;
const directoryFd = 3;

/**
 * Creates the WASI calls that read and write streams and the files in one flat directory. Creating, renaming, listing
 * and seeking are impossible.
 */
export function fileCalls(memory: ProgramMemory, { streams, directory, open }: HostFiles): WasiCalls {
  const files = new Map<number, HostFile>(streams.entries());
  let nextFd = directoryFd + 1;
  const typeOf = (fd: number): number | undefined =>
    fd === directoryFd ? fileType.directory : files.has(fd) ? fileType.character : undefined;
  return {
    fd_read: (fd: number, buffers: number, count: number, done: number) => {
      const file = files.get(fd);
      return file?.read === undefined ? errno.badf : readInto(memory, file.read, buffers, count, done);
    },
    fd_write: (fd: number, buffers: number, count: number, done: number) => {
      const file = files.get(fd);
      return file?.write === undefined ? errno.badf : writeFrom(memory, file.write, buffers, count, done);
    },
    fd_close: (fd: number) => (files.delete(fd) ? 0 : errno.badf),
    fd_fdstat_get: (fd: number, at: number) => {
      const type = typeOf(fd);
      return type === undefined ? errno.badf : writeRights(memory, type, at);
    },
    fd_filestat_get: (fd: number, at: number) => {
      const type = typeOf(fd);
      return type === undefined ? errno.badf : writeStat(memory, type, at);
    },
    path_open: (...[fd, , path, length, , , , , opened]: PathOpen) => {
      const file = fd === directoryFd ? open(memory.text(path, length)) : undefined;
      if (file === undefined) return errno.noent;
      files.set(nextFd, file);
      memory.view.setUint32(opened, nextFd++, true);
      return 0;
    },
    path_filestat_get: (fd: number, _flags: number, path: number, length: number, at: number) => {
      if (fd !== directoryFd) return errno.badf;
      const name = memory.text(path, length);
      if (name === '.' || name === '') return writeStat(memory, fileType.directory, at);
      return open(name) === undefined ? errno.noent : writeStat(memory, fileType.character, at);
    },
    ...directoryCalls(memory, directory),
  };
}

/**
 * Arguments of `path_open`: descriptor, lookup flags, path, its length, flags, two sets of rights, descriptor flags,
 * result.
 */
type PathOpen = [number, number, number, number, number, bigint, bigint, number, number];

/**
 * Creates the WASI calls with which a program finds the only directory. It cannot list the files and must know their
 * names.
 */
function directoryCalls(memory: ProgramMemory, directory: string): WasiCalls {
  const name = new TextEncoder().encode(directory);
  return {
    fd_prestat_get: (fd: number, at: number) => {
      if (fd !== directoryFd) return errno.badf;
      memory.view.setUint32(at, 0, true);
      memory.view.setUint32(at + 4, name.length, true);
      return 0;
    },
    fd_prestat_dir_name: (fd: number, at: number, length: number) => {
      if (fd !== directoryFd) return errno.badf;
      memory.bytes(at, length).set(name.subarray(0, length));
      return 0;
    },
    fd_readdir: (_fd: number, _at: number, _length: number, _cookie: bigint, done: number) => {
      memory.view.setUint32(done, 0, true);
      return 0;
    },
  };
}

function readInto(
  memory: ProgramMemory,
  read: NonNullable<HostFile['read']>,
  buffers: number,
  count: number,
  done: number,
): number {
  const total = eachBuffer(memory, buffers, count, (buffer) => {
    const part = read(buffer.length);
    buffer.set(part);
    return part.length;
  });
  memory.view.setUint32(done, total, true);
  return 0;
}

function writeFrom(
  memory: ProgramMemory,
  write: NonNullable<HostFile['write']>,
  buffers: number,
  count: number,
  done: number,
): number {
  let isFull = false;
  const total = eachBuffer(memory, buffers, count, (buffer) => {
    isFull = !write(buffer.slice());
    return isFull ? 0 : buffer.length;
  });
  memory.view.setUint32(done, total, true);
  return isFull ? errno.fbig : 0;
}

/** Passes each of `count` buffers to `move` until one is only partly used; returns the number of bytes moved. */
function eachBuffer(
  memory: ProgramMemory,
  at: number,
  count: number,
  move: (buffer: Uint8Array) => number,
): number {
  let total = 0;
  for (let index = 0; index < count; index++) {
    const length = memory.view.getUint32(at + 8 * index + 4, true);
    const moved = length === 0 ? 0 : move(memory.bytes(memory.view.getUint32(at + 8 * index, true), length));
    total += moved;
    if (moved < length) break;
  }
  return total;
}

function writeStat(memory: ProgramMemory, type: number, at: number): number {
  memory.bytes(at, 64).fill(0);
  memory.view.setUint8(at + 16, type);
  return 0;
}

/** Writes the type and rights of a descriptor: all rights, because the calls themselves check. */
function writeRights(memory: ProgramMemory, type: number, at: number): number {
  memory.bytes(at, 24).fill(0);
  memory.view.setUint8(at, type);
  memory.bytes(at + 8, 16).fill(0xff);
  return 0;
}
