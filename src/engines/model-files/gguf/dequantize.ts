import { halfToFloat } from '../safetensors.ts';

/** Layout of one block of quantized elements (ggml's `ggml-common.h` and `ggml-quants.c`). */
interface BlockFormat {
  readonly name: string;
  readonly elements: number;
  readonly bytes: number;
  /** Decodes the block at byte `at` to `out`; if a block has one element, decodes the entire tensor. */
  decode(view: DataView, at: number, out: Float32Array): void;
}

const half = (view: DataView, at: number): number => halfToFloat(view.getUint16(at, true));

/**
 * Creates the formats Q4_0, Q4_1, Q5_0 and Q5_1: 32 quants of 4 bits (low nibbles first) or 5 bits, scaled by
 * d and either centred or offset by a minimum.
 */
function nibbleFormat(name: string, hasMinimum: boolean, hasFifth: boolean): BlockFormat {
  const fifths = hasMinimum ? 4 : 2;
  const quants = fifths + (hasFifth ? 4 : 0);
  const center = hasMinimum ? 0 : hasFifth ? 16 : 8;
  const decode = (view: DataView, at: number, out: Float32Array): void => {
    const d = half(view, at);
    // Use −0, the neutral element of addition: adding +0 would change −0.
    const minimum = hasMinimum ? half(view, at + 2) : -0;
    const fifth = hasFifth ? view.getUint32(at + fifths, true) : 0;
    for (let i = 0; i < 32; i++) {
      const nibble = (view.getUint8(at + quants + (i & 15)) >>> (i < 16 ? 0 : 4)) & 15;
      out[i] = d * ((nibble | (((fifth >>> i) & 1) << 4)) - center) + minimum;
    }
  };
  return { name, elements: 32, bytes: quants + 16, decode };
}

function decodeQ8(view: DataView, at: number, out: Float32Array): void {
  const d = half(view, at);
  for (let i = 0; i < 32; i++) out[i] = d * view.getInt8(at + 2 + i);
}

/** Returns the scale and minimum of sub-block `j` in Q4_K and Q5_K: 6 bits each, packed into the 12 bytes at `at`. */
function scaleAndMinimum(view: DataView, at: number, j: number): [scale: number, minimum: number] {
  const byte = (i: number): number => view.getUint8(at + i);
  if (j < 4) return [byte(j) & 63, byte(j + 4) & 63];
  return [(byte(j + 4) & 15) | ((byte(j - 4) >>> 6) << 4), (byte(j + 4) >>> 4) | ((byte(j) >>> 6) << 4)];
}

/** Decodes Q4_K and Q5_K: d · scale · quant − dmin · minimum; the fifth bit of each quant is at `high`. */
function decodeK(view: DataView, at: number, out: Float32Array, quants: number, high: number | null): void {
  const [d, dmin] = [half(view, at), half(view, at + 2)];
  for (let j = 0; j < 8; j++) {
    const [scale, minimum] = scaleAndMinimum(view, at + 4, j);
    for (let l = 0; l < 32; l++) {
      const nibble = (view.getUint8(quants + 32 * (j >> 1) + l) >>> (4 * (j & 1))) & 15;
      const fifth = high === null ? 0 : ((view.getUint8(high + l) >>> j) & 1) << 4;
      out[32 * j + l] = d * scale * (nibble | fifth) - dmin * minimum;
    }
  }
}

function decodeQ6K(view: DataView, at: number, out: Float32Array): void {
  const d = half(view, at + 208);
  for (let i = 0; i < 256; i++) {
    const [half128, within] = [i >> 7, i & 127];
    const [quarter, l] = [within >> 5, within & 31];
    const low = view.getUint8(at + 64 * half128 + l + 32 * (quarter & 1)) >>> (4 * (quarter >> 1));
    const high = view.getUint8(at + 128 + 32 * half128 + l) >>> (2 * quarter);
    const scale = view.getInt8(at + 192 + 8 * half128 + 2 * quarter + (l >> 4));
    out[i] = d * scale * (((low & 15) | ((high & 3) << 4)) - 32);
  }
}

function decodeQ2K(view: DataView, at: number, out: Float32Array): void {
  const [d, dmin] = [half(view, at + 80), half(view, at + 82)];
  for (let i = 0; i < 256; i++) {
    const scale = view.getUint8(at + (i >> 4));
    const quant = view.getUint8(at + 16 + 32 * (i >> 7) + (i & 31)) >>> (2 * ((i >> 5) & 3));
    out[i] = d * (scale & 15) * (quant & 3) - dmin * (scale >>> 4);
  }
}

function decodeQ3K(view: DataView, at: number, out: Float32Array): void {
  const d = half(view, at + 108);
  const scales = Array.from({ length: 16 }, (_, k) => {
    const low = view.getUint8(at + 96 + (k & 7)) >>> (k < 8 ? 0 : 4);
    const high = view.getUint8(at + 104 + (k & 3)) >>> (2 * (k >> 2));
    return ((low & 15) | ((high & 3) << 4)) - 32;
  });
  for (let i = 0; i < 256; i++) {
    const quant = (view.getUint8(at + 32 + 32 * (i >> 7) + (i & 31)) >>> (2 * ((i >> 5) & 3))) & 3;
    const isHigh = (view.getUint8(at + (i & 31)) >>> (i >> 5)) & 1;
    out[i] = d * scales[i >> 4]! * (quant - (isHigh === 1 ? 0 : 4));
  }
}

/** Creates a format for unquantized elements with `bytes` bytes each, which `read` decodes. */
function plainFormat(name: string, bytes: number, read: (view: DataView, at: number) => number): BlockFormat {
  const decode = (view: DataView, at: number, out: Float32Array): void => {
    for (let i = 0; i < out.length; i++) out[i] = read(view, at + bytes * i);
  };
  return { name, elements: 1, bytes, decode };
}

const bits = new DataView(new ArrayBuffer(4));

function bfloat(view: DataView, at: number): number {
  bits.setUint32(0, view.getUint16(at, true) << 16);
  return bits.getFloat32(0);
}

/** Creates a format with 256 elements per block. */
const kFormat = (name: string, bytes: number, decode: BlockFormat['decode']): BlockFormat => {
  return { name, elements: 256, bytes, decode };
};

/** Formats of the supported element types, by their number in GGUF. */
export const blockFormats: ReadonlyMap<number, BlockFormat> = new Map([
  [0, plainFormat('F32', 4, (view, at) => view.getFloat32(at, true))],
  [1, plainFormat('F16', 2, half)],
  [2, nibbleFormat('Q4_0', false, false)],
  [3, nibbleFormat('Q4_1', true, false)],
  [6, nibbleFormat('Q5_0', false, true)],
  [7, nibbleFormat('Q5_1', true, true)],
  [8, { name: 'Q8_0', elements: 32, bytes: 34, decode: decodeQ8 }],
  [10, kFormat('Q2_K', 84, decodeQ2K)],
  [11, kFormat('Q3_K', 110, decodeQ3K)],
  [12, kFormat('Q4_K', 144, (view, at, out) => decodeK(view, at, out, at + 16, null))],
  [13, kFormat('Q5_K', 176, (view, at, out) => decodeK(view, at, out, at + 48, at + 16))],
  [14, kFormat('Q6_K', 210, decodeQ6K)],
  [30, plainFormat('BF16', 2, bfloat)],
]);

/** Converts the bytes of a tensor of `count` elements to float32; `type` is a key of `blockFormats`. */
export function dequantize(type: number, bytes: Uint8Array, count: number): Float32Array {
  const { elements, bytes: blockBytes, decode } = blockFormats.get(type)!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(count);
  const step = elements === 1 ? count : elements;
  for (let start = 0; start < count; start += step) {
    decode(view, (start / elements) * blockBytes, values.subarray(start, start + step));
  }
  return values;
}
