/**
 * The source of all randomness in Gradus. There are two kinds:
 *
 * - a *stream* (`createRng`) yields numbers in order; checkpoints save and restore it;
 * - a *counter-based* draw (`uniformAt`) depends only on its key and counters, not on batching or the order of work.
 */

/** The complete state of a stream: four 32-bit words, JSON-safe. */
export type RngState = readonly [number, number, number, number];

/** A named stream of pseudo-random numbers (sfc32). */
export interface Rng {
  /** Returns the next number in [0, 1), with 32 random bits. */
  next(): number;
  /** Returns an integer in [min, max], both ends included. */
  integer(min: number, max: number): number;
  /** Returns a uniformly chosen element. */
  pick<T>(items: readonly T[]): T;
  /** Returns a shuffled copy. */
  shuffle<T>(items: readonly T[]): T[];
  /** Returns the current state, from which `restoreRng` continues with the next draw. */
  save(): RngState;
}

/** Returns a 32-bit hash of any number of strings and numbers (FNV-1a per part, murmur3 finaliser between parts). */
export function hashKey(...parts: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const part of parts) {
    const text = typeof part === 'number' ? `#${part}` : part;
    for (let i = 0; i < text.length; i++) {
      hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    }
    hash = mix(hash ^ text.length);
  }
  return hash >>> 0;
}

/** Returns a number in [0, 1) that depends only on the key and the counters. */
export function uniformAt(key: number, ...counters: readonly number[]): number {
  let hash = mix(key ^ 0x9e3779b9);
  for (const counter of counters) hash = mix(Math.imul(hash ^ counter, 0x85ebca6b) + 0x6d2b79f5);
  return (hash >>> 0) / 4294967296;
}

/**
 * Creates a stream named by a seed and a path, e.g. `createRng(7, 'problems', 'train')`. Streams with different names are
 * statistically independent.
 */
export function createRng(seed: number, ...name: readonly (string | number)[]): Rng {
  const key = (index: number): number => hashKey(seed, ...name, index);
  const rng = restoreRng([key(0), key(1), key(2), 1]);
  for (let i = 0; i < 12; i++) rng.next();
  return rng;
}

/** Restores a stream from a saved state. */
export function restoreRng(state: RngState): Rng {
  let [a, b, c, counter] = state;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 4294967296;
  };
  const integer = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    integer,
    pick: (items) => items[integer(0, items.length - 1)]!,
    shuffle: (items) => {
      const copy = [...items];
      for (let i = copy.length - 1; i > 0; i--) {
        const j = integer(0, i);
        [copy[i], copy[j]] = [copy[j]!, copy[i]!];
      }
      return copy;
    },
    save: () => [a, b, c, counter],
  };
}

function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return hash ^ (hash >>> 16);
}
