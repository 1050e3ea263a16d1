import { hashKey } from '../../core/rng.ts';

/** Hashes tokens to 32 bits. */
export function hashesOf(tokens: readonly string[]): Uint32Array {
  return Uint32Array.from(tokens, (token) => hashKey(token));
}

/**
 * Returns the distinct runs of `size` consecutive tokens (given as hashes), each as a 32-bit hash, ascending. A text
 * with fewer tokens forms one run.
 */
export function shinglesOf(words: Uint32Array, size: number): Uint32Array {
  const count = Math.max(1, words.length - size + 1);
  const hashes = new Uint32Array(count);
  for (let start = 0; start < count; start++) {
    let hash = 0;
    for (let i = start; i < Math.min(start + size, words.length); i++) hash = mix(hash, words[i]!);
    hashes[start] = hash;
  }
  hashes.sort();
  return hashes.filter((hash, i) => i === 0 || hash !== hashes[i - 1]);
}

/** Combines hashes in order: "dog bites man" differs from "man bites dog". */
export function mix(hash: number, next: number): number {
  let mixed = Math.imul(hash ^ next, 0x85ebca6b) + 0x9e3779b9;
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

/** Counts the values that two ascending lists have in common. */
export function sharedCount(a: Uint32Array, b: Uint32Array): number {
  let shared = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) {
      shared++;
      i++;
      j++;
    } else if (a[i]! < b[j]!) i++;
    else j++;
  }
  return shared;
}

/** Returns the Jaccard similarity of two sets of shingles, 0 … 1. */
export function resemblance(a: Uint32Array, b: Uint32Array): number {
  const shared = sharedCount(a, b);
  return shared / (a.length + b.length - shared);
}
