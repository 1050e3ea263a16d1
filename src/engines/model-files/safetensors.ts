import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { DataError } from '../../core/errors.ts';
import { writeAtomic } from '../../storage/atomic.ts';
import { describe, isJsonObject, type JsonObject } from './json-file.ts';

/** Bytes per element of the supported types on disk; in memory all weights are float32. */
const bytesPerElement = { BF16: 2, F16: 2, F32: 4 } as const;
type StoredType = keyof typeof bytesPerElement;

/** Number of elements converted at a time, which limits the memory for reading and writing. */
const chunkElements = 1 << 20;

/** A tensor to write, or the target of a read; row-major. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A tensor to write, whose values may be loaded just before they are written. */
export interface WritableTensor extends Omit<NamedTensor, 'data'> {
  readonly data: Float32Array | (() => Promise<Float32Array>);
}

/** Location of a tensor in an open file. */
interface StoredTensor {
  readonly type: string;
  readonly shape: readonly number[];
  /** Byte range in the file. */
  readonly begin: number;
  readonly end: number;
}

/** An open safetensors file with a validated header. */
export interface SafetensorsFile extends AsyncDisposable {
  readonly names: ReadonlySet<string>;
  /**
   * Reads a tensor into `target.data`, converted to float32. Throws a `DataError` if the shape differs or the element
   * type is not floating-point.
   */
  read(target: NamedTensor): Promise<void>;
  /** Returns the sha256 over element type, shape and bytes of a tensor; `null` if the file has no such tensor. */
  digest(name: string): Promise<string | null>;
}

/** Opens a safetensors file. Throws a `DataError` if it is truncated or not in safetensors format. */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw new DataError(`${path}: expected a safetensors file (${String(cause)})`, { cause });
  });
  try {
    const tensors = await readHeader(handle, path);
    return {
      names: new Set(tensors.keys()),
      read: (target) => readTensor(handle, path, tensors.get(target.name), target),
      digest: (name) => digestTensor(handle, tensors.get(name)),
      [Symbol.asyncDispose]: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readHeader(handle: FileHandle, path: string): Promise<Map<string, StoredTensor>> {
  const { size } = await handle.stat();
  const prefix = Buffer.alloc(8);
  await handle.read(prefix, 0, 8, 0);
  const length = Number(prefix.readBigUInt64LE());
  if (size < 8 || 8 + length > size) {
    throw new DataError(
      `${path}: the file is truncated or not safetensors: its header should have ${length} bytes, but the file has only ${size}`,
    );
  }
  const text = Buffer.alloc(length);
  await handle.read(text, 0, length, 8);
  const entries = Object.entries(parseHeader(text.toString('utf8'), path));
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of entries) {
    if (name !== '__metadata__') tensors.set(name, storedTensor(name, entry, 8 + length, size, path));
  }
  return tensors;
}

function parseHeader(text: string, path: string): JsonObject {
  try {
    const header: unknown = JSON.parse(text);
    if (isJsonObject(header)) return header;
  } catch {
    // Fall through to the error below for an invalid header.
  }
  throw new DataError(`${path}: expected a safetensors header (a JSON object), got ${describe(text)}`);
}

function storedTensor(name: string, entry: unknown, start: number, size: number, path: string): StoredTensor {
  const { dtype, shape, data_offsets: offsets } = isJsonObject(entry) ? entry : {};
  if (typeof dtype !== 'string' || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
    throw new DataError(
      `${path}: expected dtype, shape and data_offsets for "${name}", got ${describe(entry)}`,
    );
  }
  const [begin, end] = [start + offsets[0]!, start + offsets[1]!];
  if (end > size) {
    throw new DataError(
      `${path}: the file is truncated: "${name}" ends at byte ${end}, but the file has ${size} bytes; download it again`,
    );
  }
  return { type: dtype, shape, begin, end };
}

async function readTensor(
  handle: FileHandle,
  path: string,
  stored: StoredTensor | undefined,
  { name, shape, data }: NamedTensor,
): Promise<void> {
  if (stored === undefined) throw new DataError(`${path}: expected a tensor "${name}", got none`);
  const { type, begin, end } = stored;
  if (stored.shape.join() !== shape.join()) {
    throw new DataError(
      `${path}: expected "${name}" of shape [${shape.join(', ')}], got [${stored.shape.join(', ')}]`,
    );
  }
  if (!isStoredType(type)) {
    throw new DataError(`${path}: expected "${name}" to be BF16, F16 or F32, got ${type}`);
  }
  const bytes = bytesPerElement[type];
  if (end - begin !== bytes * data.length) {
    throw new DataError(`${path}: expected ${bytes * data.length} bytes for "${name}", got ${end - begin}`);
  }
  const buffer = Buffer.alloc(Math.min(data.length, chunkElements) * bytes);
  for (let done = 0; done < data.length; done += chunkElements) {
    const target = data.subarray(done, done + chunkElements);
    await handle.read(buffer, 0, target.length * bytes, begin + done * bytes);
    decode(type, buffer, target);
  }
}

async function digestTensor(handle: FileHandle, stored: StoredTensor | undefined): Promise<string | null> {
  if (stored === undefined) return null;
  const { type, shape, begin, end } = stored;
  const hash = createHash('sha256').update(`${type}[${shape.join()}]`);
  const buffer = Buffer.alloc(Math.min(end - begin, 4 * chunkElements));
  for (let at = begin; at < end; at += buffer.length) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, end - at), at);
    hash.update(buffer.subarray(0, bytesRead));
  }
  return hash.digest('hex');
}

/**
 * Writes tensors in the given order as one file, atomically. Converts to bfloat16 by rounding to nearest, ties to even.
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly WritableTensor[],
  type: 'bf16' | 'f32',
): Promise<void> {
  const stored = type === 'bf16' ? 'BF16' : 'F32';
  const bytes = bytesPerElement[stored];
  let offset = 0;
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  for (const { name, shape } of tensors) {
    const end = offset + bytes * shape.reduce((product, axis) => product * axis, 1);
    header[name] = { dtype: stored, shape, data_offsets: [offset, end] };
    offset = end;
  }
  await writeAtomic(path, async (handle) => {
    await handle.write(encodeHeader(header));
    for (const tensor of tensors) {
      const data = typeof tensor.data === 'function' ? await tensor.data() : tensor.data;
      for (let done = 0; done < data.length; done += chunkElements) {
        await handle.write(encode(stored, data.subarray(done, done + chunkElements)));
      }
    }
  });
}

/**
 * Encodes the header: its length and the JSON, padded with spaces so that the data starts at a multiple of 8, as
 * readers expect.
 */
function encodeHeader(header: JsonObject): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, ' ');
  padded.writeBigUInt64LE(BigInt(padded.length - 8));
  text.copy(padded, 8);
  return padded;
}

function decode(type: StoredType, source: Buffer, target: Float32Array): void {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  if (type === 'F32') {
    for (let i = 0; i < bits.length; i++) bits[i] = view.getUint32(4 * i, true);
  } else if (type === 'BF16') {
    for (let i = 0; i < bits.length; i++) bits[i] = view.getUint16(2 * i, true) << 16;
  } else {
    for (let i = 0; i < target.length; i++) target[i] = halfToFloat(view.getUint16(2 * i, true));
  }
}

function encode(type: 'BF16' | 'F32', values: Float32Array): Uint8Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bytes = new Uint8Array(bytesPerElement[type] * values.length);
  const view = new DataView(bytes.buffer);
  if (type === 'F32') for (let i = 0; i < bits.length; i++) view.setUint32(4 * i, bits[i]!, true);
  else for (let i = 0; i < bits.length; i++) view.setUint16(2 * i, roundToBfloat(bits[i]!), true);
  return bytes;
}

/** Rounds float32 bits to bfloat16, to nearest even; keeps NaN. */
function roundToBfloat(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** Decodes IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits. */
export function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function isStoredType(type: string): type is StoredType {
  return type in bytesPerElement;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** Resolves to whether a file exists at a path. */
export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
