import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { DataError } from '../core/errors.ts';

/** Size and digest of a file of an index. */
export interface FileCheck {
  readonly bytes: number;
  readonly sha256: string;
}

/** Bytes per read or write; operating systems refuse more than 2 GiB at once. */
const pieceBytes = 2 ** 24;

/** Writes a typed array, little-endian as on every platform that Node supports, and returns its check. */
export async function writeArray(path: string, array: ArrayBufferView): Promise<FileCheck> {
  const hash = createHash('sha256');
  await using file = await open(path, 'w');
  for (let at = 0; at < array.byteLength; at += pieceBytes) {
    const length = Math.min(pieceBytes, array.byteLength - at);
    const piece = new Uint8Array(array.buffer, array.byteOffset + at, length);
    hash.update(piece);
    await file.writeFile(piece);
  }
  return { bytes: array.byteLength, sha256: hash.digest('hex') };
}

/**
 * Reads a file into one buffer and checks its digest.
 *
 * @throws DataError if its size or content does not match the check.
 */
export async function readArray(path: string, check: FileCheck): Promise<ArrayBuffer> {
  const whole = new ArrayBuffer(check.bytes);
  let at = 0;
  for await (const piece of checkedPieces(path, check)) {
    new Uint8Array(whole, at, piece.length).set(piece);
    at += piece.length;
  }
  return whole;
}

/** Checks the size and digest of a file without keeping its content in memory. @throws DataError as `readArray`. */
export async function checkFile(path: string, check: FileCheck): Promise<void> {
  for await (const _ of checkedPieces(path, check));
}

/**
 * Yields the content of a file in pieces, each of which is valid until the next one is requested; throws at the end if
 * the digest differs.
 */
async function* checkedPieces(path: string, { bytes, sha256 }: FileCheck): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  await using file = await open(path, 'r').catch((cause: unknown) => {
    throw damaged(path, 'a readable file', (cause as Error).message);
  });
  const { size } = await file.stat();
  if (size !== bytes) throw damaged(path, `${bytes} bytes`, String(size));
  const buffer = new Uint8Array(Math.min(pieceBytes, bytes));
  for (let left = bytes; left > 0;) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(pieceBytes, left), null);
    if (bytesRead === 0) throw damaged(path, `${bytes} bytes`, String(bytes - left));
    left -= bytesRead;
    const piece = buffer.subarray(0, bytesRead);
    hash.update(piece);
    yield piece;
  }
  const found = hash.digest('hex');
  if (found !== sha256) throw damaged(path, `content with sha256 ${sha256}`, found);
}

function damaged(path: string, expected: string, got: string): DataError {
  return new DataError(`${path}: expected ${expected}, got ${got}; the index is damaged; build it again`, {
    code: 'INDEX_DAMAGED',
    tryNext: 'gradus knowledge build --help',
  });
}
