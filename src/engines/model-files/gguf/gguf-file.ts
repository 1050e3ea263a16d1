import { type FileHandle, open } from 'node:fs/promises';
import { DataError } from '../../../core/errors.ts';
import { blockFormats, dequantize } from './dequantize.ts';
import { type GgufTensor, type GgufValue, parseHeader, TruncatedHeader } from './gguf-header.ts';

/** An open GGUF file (version 2 or 3, little-endian). */
export interface GgufFile extends AsyncDisposable {
  readonly path: string;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** Reads a tensor and converts it to float32. */
  read(name: string): Promise<Float32Array>;
}

/** Number of bytes in the first attempt to read the header; large vocabularies need more. */
const firstRead = 1 << 22;

/**
 * Opens a GGUF file. Throws a `DataError` if the file is not GGUF, is truncated, or has an unsupported element type.
 */
export async function openGguf(path: string): Promise<GgufFile> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw new DataError(`${path}: cannot open the GGUF file (${String(cause)})`, { cause });
  });
  try {
    const { size } = await handle.stat();
    const { metadata, tensors } = await readHeader(handle, path, size);
    for (const [name, tensor] of tensors) checkTensor(path, name, tensor, size);
    return {
      path,
      metadata,
      tensors,
      read: async (name) => {
        const tensor = tensors.get(name);
        if (tensor === undefined) throw new DataError(`${path}: expected a tensor "${name}", got none`);
        const bytes = await readBytes(handle, tensor.offset, byteLength(tensor));
        return dequantize(tensor.type, bytes, elementCount(tensor));
      },
      [Symbol.asyncDispose]: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readHeader(
  handle: FileHandle,
  path: string,
  size: number,
): Promise<ReturnType<typeof parseHeader>> {
  for (let length = Math.min(size, firstRead); ; length = Math.min(size, 4 * length)) {
    try {
      return parseHeader(await readBytes(handle, 0, length), path);
    } catch (error) {
      if (!(error instanceof TruncatedHeader)) throw error;
      if (length < size) continue;
      throw new DataError(`${path}: the file is truncated inside its header; download it again`, {
        cause: error,
      });
    }
  }
}

function checkTensor(path: string, name: string, tensor: GgufTensor, size: number): void {
  const format = blockFormats.get(tensor.type);
  if (format === undefined) {
    const known = [...blockFormats.values()].map((one) => one.name).join(', ');
    throw new DataError(
      `${path}: expected the type of "${name}" to be one of ${known}, got type ${tensor.type}; convert the model again, e.g. to Q8_0`,
    );
  }
  if (tensor.shape.at(-1)! % format.elements !== 0) {
    throw new DataError(
      `${path}: expected the row length of "${name}" to be a multiple of ${format.elements}, got ${tensor.shape.at(-1)}`,
    );
  }
  const end = tensor.offset + byteLength(tensor);
  if (end > size) {
    throw new DataError(
      `${path}: the file is truncated: "${name}" ends at byte ${end}, but the file has ${size} bytes; download it again`,
    );
  }
}

const elementCount = ({ shape }: GgufTensor): number => shape.reduce((product, axis) => product * axis, 1);

function byteLength(tensor: GgufTensor): number {
  const { bytes, elements } = blockFormats.get(tensor.type)!;
  return (elementCount(tensor) / elements) * bytes;
}

async function readBytes(handle: FileHandle, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(length - done, 1 << 30), start + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes;
}
