import { createRng } from '../../core/rng.ts';
import { mix } from './shingles.ts';

/**
 * The signature is split into bands of equally many rows. Two texts with Jaccard similarity s share at least one band
 * with probability 1 − (1 − s^rows)^bands: 0.9998 at s = 0.8, 0.64 at 0.5 (Broder 1997; Leskovec, Rajaraman & Ullman,
 * Mining of Massive Datasets, §3.4).
 */
const bands = 16;
const rows = 4;

/** Odd multipliers and offsets of the 64 hash functions; fixed for reproducible findings. */
const functions = (() => {
  const rng = createRng(0, 'min-hash');
  const draw = (): Uint32Array => Uint32Array.from({ length: bands * rows }, () => rng.next() * 2 ** 32);
  return { multipliers: draw().map((value) => value | 1), offsets: draw() };
})();

/**
 * Returns one key for each band of a text's MinHash signature; similar texts share a key with high probability.
 *
 * @param identity mixed into every key, so that texts with different identities share no key.
 */
export function bandKeys(shingles: Uint32Array, identity: number): Uint32Array {
  const keys = new Uint32Array(bands);
  for (let band = 0; band < bands; band++) {
    let key = mix(identity, band);
    for (let row = 0; row < rows; row++) key = mix(key, smallestHash(shingles, band * rows + row));
    keys[band] = key;
  }
  return keys;
}

function smallestHash(shingles: Uint32Array, index: number): number {
  const multiplier = functions.multipliers[index]!;
  const offset = functions.offsets[index]!;
  let smallest = 0xffffffff;
  for (let i = 0; i < shingles.length; i++) {
    const product = Math.imul(shingles[i]!, multiplier) + offset;
    const hash = (product ^ (product >>> 16)) >>> 0;
    if (hash < smallest) smallest = hash;
  }
  return smallest;
}
