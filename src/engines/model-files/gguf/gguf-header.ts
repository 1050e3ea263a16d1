import { DataError } from '../../../core/errors.ts';

/** A metadata value. 64-bit integers become numbers. */
export type GgufValue = number | boolean | string | readonly GgufValue[];

/**
 * Describes a tensor in a GGUF file: its shape in PyTorch's order (outermost dimension first), element type and first
 * byte.
 */
export interface GgufTensor {
  readonly shape: readonly number[];
  /** Key of `blockFormats`. */
  readonly type: number;
  readonly offset: number;
}

/** Thrown if the given bytes contain only part of the header. */
export class TruncatedHeader extends Error {}

/**
 * Maximum number of elements of an array, and of bytes of a string, so that a damaged length cannot allocate
 * unbounded memory.
 */
const longest = 1 << 26;

/** Parses the metadata and tensor infos of a GGUF file (github.com/ggml-org/ggml, docs/gguf.md). */
export function parseHeader(
  bytes: Buffer,
  path: string,
): { metadata: Map<string, GgufValue>; tensors: Map<string, GgufTensor> } {
  const reader = new HeaderReader(bytes, path);
  if (reader.take(4).toString('latin1') !== 'GGUF') {
    throw new DataError(`${path}: expected a GGUF file, which begins with "GGUF"; got another format`);
  }
  const version = reader.integer(4);
  if (version !== 2 && version !== 3) {
    throw new DataError(
      `${path}: expected GGUF version 2 or 3, little-endian, got ${version}; convert the model again`,
    );
  }
  const [tensorCount, valueCount] = [reader.integer(8), reader.integer(8)];
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < valueCount; i++) metadata.set(reader.text(), reader.value(reader.integer(4)));
  const infos: [name: string, info: GgufTensor][] = [];
  for (let i = 0; i < tensorCount; i++) infos.push(reader.tensor());
  const stated = metadata.get('general.alignment');
  const alignment = typeof stated === 'number' && stated > 0 ? stated : 32;
  const start = Math.ceil(reader.position / alignment) * alignment;
  const placed = infos.map(([name, info]) => [name, { ...info, offset: start + info.offset }] as const);
  return { metadata, tensors: new Map(placed) };
}

/** Reads consecutive little-endian values. */
class HeaderReader {
  readonly #bytes: Buffer;
  readonly #path: string;
  position = 0;

  constructor(bytes: Buffer, path: string) {
    this.#bytes = bytes;
    this.#path = path;
  }

  take(length: number): Buffer {
    const end = this.position + length;
    if (end > this.#bytes.length) throw new TruncatedHeader();
    const taken = this.#bytes.subarray(this.position, end);
    this.position = end;
    return taken;
  }

  /** Reads an unsigned integer of 1, 2, 4 or 8 bytes. */
  integer(size: number): number {
    const bytes = this.take(size);
    return size === 8 ? Number(bytes.readBigUInt64LE()) : bytes.readUIntLE(0, size);
  }

  text(): string {
    return this.take(this.#length()).toString('utf8');
  }

  tensor(): [name: string, info: GgufTensor] {
    const name = this.text();
    // GGUF lists the innermost dimension first.
    const shape = Array.from({ length: Math.min(this.integer(4), 8) }, () => this.integer(8)).toReversed();
    return [name, { shape, type: this.integer(4), offset: this.integer(8) }];
  }

  value(type: number): GgufValue {
    switch (type) {
      case 0:
      case 2:
      case 4:
      case 10:
        return this.integer(type === 0 ? 1 : type === 10 ? 8 : type);
      case 1:
        return this.take(1).readInt8();
      case 3:
        return this.take(2).readInt16LE();
      case 5:
        return this.take(4).readInt32LE();
      case 6:
        return this.take(4).readFloatLE();
      case 7:
        return this.integer(1) !== 0;
      case 8:
        return this.text();
      case 9: {
        const element = this.integer(4);
        return Array.from({ length: this.#length() }, () => this.value(element));
      }
      case 11:
        return Number(this.take(8).readBigInt64LE());
      case 12:
        return this.take(8).readDoubleLE();
      default:
        throw new DataError(`${this.#path}: expected a metadata type from 0 to 12, got ${type}`);
    }
  }

  #length(): number {
    const length = this.integer(8);
    if (length <= longest) return length;
    throw new DataError(`${this.#path}: expected metadata of at most ${longest} elements, got ${length}`);
  }
}
