import * as ort from 'onnxruntime-node';
import type { ModelConfig } from '../../model-files/model-config.ts';

/** Value of a masked score: so far below any real score that exp of the difference is exactly 0. */
export const masked = -1e30;

/**
 * Returns the bytes per position of one sequence. Growing the cache briefly needs twice its memory.
 */
export function bytesPerPosition({ layers, keyValueHeads, headSize }: ModelConfig): number {
  return 4 * 2 * layers * keyValueHeads * headSize;
}

/** A mask over the cache, and the maximum number of positions to which a query attends. */
interface Mask {
  readonly name: string;
  readonly window: number;
  values: Float32Array;
}

/** New keys and values of one run: per layer [B, keyValueHeads, S, headSize], keys and values alternating. */
export type NewKeyValues = readonly Float32Array[];

/** Keys and values of the first `length` positions of one sequence, by plane [keyValueHeads, length, headSize]. */
export interface Past {
  readonly length: number;
  readonly keyValues: NewKeyValues;
}

/** Frees a past, which must not be used again. */
export function freePast({ keyValues }: Past): void {
  const buffer = keyValues[0]?.buffer;
  if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}

/** Returns the bytes of keys and values. */
export const bytesOf = ({ keyValues }: Past): number =>
  keyValues.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** Allocates a past in one buffer of its own, which can be freed at once; a shared buffer could not. */
function newPast({ layers, keyValueHeads, headSize }: ModelConfig, length: number): Past {
  const size = keyValueHeads * length * headSize;
  const all = new Float32Array(2 * layers * size);
  const keyValues = Array.from({ length: 2 * layers }, (_, at) => all.subarray(at * size, (at + 1) * size));
  return { length, keyValues };
}

/** Copies the first `length` of the `stride` positions in `source`, row `row`. */
export function copyPast(
  config: ModelConfig,
  source: NewKeyValues,
  row: number,
  stride: number,
  length: number,
): Past {
  const past = newPast(config, length);
  const { keyValueHeads: heads, headSize: size } = config;
  for (const [plane, target] of past.keyValues.entries()) {
    for (let head = 0; head < heads; head++) {
      const from = (row * heads + head) * stride * size;
      target.set(source[plane]!.subarray(from, from + length * size), head * length * size);
    }
  }
  return past;
}

/** Appends the first `count` positions of `added`, by plane [positions, keyValueHeads, headSize]. */
export function joinPositions(config: ModelConfig, past: Past, added: NewKeyValues, count: number): Past {
  const joined = newPast(config, past.length + count);
  const { keyValueHeads: heads, headSize: size } = config;
  for (const [plane, target] of joined.keyValues.entries()) {
    const [old, source] = [past.keyValues[plane]!, added[plane]!];
    for (let head = 0; head < heads; head++) {
      const from = head * past.length * size;
      let to = head * joined.length * size;
      target.set(old.subarray(from, from + past.length * size), to);
      to += past.length * size;
      for (let at = 0; at < count; at++, to += size) {
        const start = (at * heads + head) * size;
        target.set(source.subarray(start, start + size), to);
      }
    }
  }
  return joined;
}

/**
 * Keys and values of the sequences being decoded, one row each, owned by JavaScript and passed to the runtime without a
 * copy. Rows 0 … n − 1 are in use; the capacity grows in steps, in rows with their number
 * and in positions with the longest row.
 */
export class KeyValueCache {
  readonly #config: ModelConfig;
  readonly #planes: number;
  readonly #heads: number;
  readonly #headSize: number;
  readonly #mostRows: number;
  #rows = 0;
  /** Number of positions used in each row. */
  readonly lengths: Int32Array;
  #capacity = 0;
  #data: Float32Array[] = [];
  /** Masks by input name: 0 where the next query may attend. */
  readonly #masks: Mask[];

  /**
   * @param rows maximum number of sequences. Rows are allocated as they are needed, and one more, with which the decoder
   * pads a batch of one sequence.
   */
  constructor(config: ModelConfig, rows: number) {
    const { layers, keyValueHeads, headSize, slidingWindow } = config;
    this.#config = config;
    this.#planes = 2 * layers;
    this.#heads = keyValueHeads;
    this.#headSize = headSize;
    this.#mostRows = rows + 1;
    this.lengths = new Int32Array(rows);
    this.#masks = [{ name: 'cacheMask', window: Infinity, values: new Float32Array() }];
    if (slidingWindow !== undefined)
      this.#masks.push({ name: 'local.cacheMask', window: slidingWindow.size, values: new Float32Array() });
  }

  /** Reserves `positions` in `used` rows and one more, keeping the content of the first `used` rows. */
  reserve(positions: number, used: number): void {
    const needed = Math.min(this.#mostRows, used + 1);
    if (positions <= this.#capacity && needed <= this.#rows) return;
    const capacity = Math.max(this.#capacity, capacityFor(positions));
    if (needed > this.#rows)
      this.#rows = Math.min(this.#mostRows, Math.max(4, 2 ** Math.ceil(Math.log2(needed))));
    const [old, oldCapacity] = [this.#data, this.#capacity];
    const size = this.#headSize;
    this.#capacity = capacity;
    this.#data = Array.from(
      { length: this.#planes },
      () => new Float32Array(this.#rows * this.#heads * capacity * size),
    );
    for (const mask of this.#masks) mask.values = new Float32Array(this.#rows * capacity).fill(masked);
    for (let row = 0; row < used; row++) {
      const length = this.lengths[row]!;
      this.#setLength(row, length);
      for (const [plane, source] of old.entries()) {
        for (let at = row * this.#heads; at < (row + 1) * this.#heads; at++) {
          const from = at * oldCapacity * size;
          this.#data[plane]!.set(source.subarray(from, from + length * size), at * capacity * size);
        }
      }
    }
  }

  /** Fills a row with the first `length` of the `stride` positions in `source`, row `sourceRow`. */
  start(row: number, source: NewKeyValues, sourceRow: number, stride: number, length: number): void {
    this.#setLength(row, length);
    this.#copyRow(row, source, sourceRow, stride, length);
  }

  /** Copies the keys and values of a row. */
  copy(row: number): Past {
    return copyPast(this.#config, this.#data, row, this.#capacity, this.lengths[row]!);
  }

  /** Appends one new position to each of the first `rows` rows. The space for it must be reserved. */
  append(rows: number, added: NewKeyValues): void {
    const [heads, size, capacity] = [this.#heads, this.#headSize, this.#capacity];
    for (let plane = 0; plane < this.#planes; plane++) {
      const [target, source] = [this.#data[plane]!, added[plane]!];
      let read = 0;
      for (let row = 0; row < rows; row++) {
        for (let head = row * heads; head < (row + 1) * heads; head++) {
          let write = (head * capacity + this.lengths[row]!) * size;
          for (const end = write + size; write < end; write++) target[write] = source[read++]!;
        }
      }
    }
    for (let row = 0; row < rows; row++) {
      const length = ++this.lengths[row]!;
      for (const { values, window } of this.#masks) {
        values[row * capacity + length - 1] = 0;
        if (length >= window) values[row * capacity + length - window] = masked;
      }
    }
  }

  /** Copies row `from` to row `to`. */
  move(from: number, to: number): void {
    const length = this.lengths[from]!;
    this.#setLength(to, length);
    this.#copyRow(to, this.#data, from, this.#capacity, length);
  }

  /** Returns the inputs of the decode program for the first `rows` rows. */
  feeds(rows: number): Record<string, ort.Tensor> {
    const [capacity, heads, size] = [this.#capacity, this.#heads, this.#headSize];
    const feeds: Record<string, ort.Tensor> = {};
    for (const { name, values } of this.#masks) {
      const used = values.subarray(0, rows * capacity);
      feeds[name] = new ort.Tensor('float32', used, [rows, 1, 1, capacity]);
    }
    for (const [plane, data] of this.#data.entries()) {
      const used = data.subarray(0, rows * heads * capacity * size);
      feeds[`cache.${plane % 2 === 0 ? 'k' : 'v'}.${plane >> 1}`] = new ort.Tensor('float32', used, [
        rows,
        heads,
        capacity,
        size,
      ]);
    }
    return feeds;
  }

  #setLength(row: number, length: number): void {
    const start = row * this.#capacity;
    for (const { values, window } of this.#masks) {
      // The next query is at position `length` and attends to itself and the `window − 1` positions before
      // it.
      const hidden = Math.max(0, length - window + 1);
      values.fill(masked, start, start + this.#capacity).fill(0, start + hidden, start + length);
    }
    this.lengths[row] = length;
  }

  #copyRow(row: number, source: NewKeyValues, sourceRow: number, stride: number, length: number): void {
    const [heads, size] = [this.#heads, this.#headSize];
    for (let plane = 0; plane < this.#planes; plane++) {
      for (let head = 0; head < heads; head++) {
        const from = (sourceRow * heads + head) * stride * size;
        const to = (row * heads + head) * this.#capacity * size;
        this.#data[plane]!.set(source[plane]!.subarray(from, from + length * size), to);
      }
    }
  }
}

/**
 * Returns the capacity from 32, 48, 64, 96, 128, 192, …: growth is rare, and all values are multiples of 16, which
 * keeps the order of summation.
 */
export function capacityFor(positions: number): number {
  let capacity = 32;
  while (capacity < positions) capacity += capacity & (capacity - 1) ? capacity / 3 : capacity / 2;
  return capacity;
}
