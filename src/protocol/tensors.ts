import { ProtocolError } from '../core/errors.ts';
import { elementBytes, type TensorDescription } from './messages.ts';

/** Tensors of a message, by name. */
export type Tensors = Readonly<Record<string, Float32Array | Int32Array | Uint32Array>>;

/** Packs one-dimensional tensors into a payload, with their descriptions. Requires a little-endian machine. */
export function packTensors(tensors: Tensors): { tensors: TensorDescription[]; payload: Uint8Array } {
  const entries = Object.entries(tensors);
  const payload = new Uint8Array(entries.reduce((sum, [, { byteLength }]) => sum + byteLength, 0));
  let offset = 0;
  const described = entries.map(([name, data]) => {
    const dtype = data instanceof Float32Array ? 'f32' : data instanceof Int32Array ? 'i32' : 'u32';
    payload.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    const description: TensorDescription = { name, dtype, shape: [data.length], offset };
    offset += data.byteLength;
    return description;
  });
  return { tensors: described, payload };
}

/** Returns the tensors of a payload as views. Throws a `ProtocolError` if a tensor lies outside the payload. */
export function unpackTensors(described: readonly TensorDescription[], payload: Uint8Array): Tensors {
  const aligned = payload.byteOffset % 4 === 0 ? payload : Uint8Array.from(payload);
  return Object.fromEntries(
    described.map(({ name, dtype, shape, offset }) => {
      const length = shape.reduce((product, size) => product * size, 1);
      const end = offset + length * elementBytes[dtype];
      if (offset % 4 !== 0 || end > aligned.byteLength) {
        throw new ProtocolError(
          `tensor "${name}": expected ${length} × ${dtype} within ${aligned.byteLength} bytes, at an offset divisible by 4, ` +
            `got bytes ${offset} to ${end}`,
        );
      }
      return [name, viewOf(dtype, aligned, offset, length)];
    }),
  );
}

function viewOf(
  dtype: TensorDescription['dtype'],
  { buffer, byteOffset }: Uint8Array,
  offset: number,
  length: number,
): Float32Array | Int32Array | Uint32Array {
  const at = byteOffset + offset;
  switch (dtype) {
    case 'f32':
      return new Float32Array(buffer, at, length);
    case 'i32':
      return new Int32Array(buffer, at, length);
    case 'u32':
      return new Uint32Array(buffer, at, length);
  }
}
