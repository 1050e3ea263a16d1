/**
 * Concatenates token sequences of any length. Spreading them into arguments would overflow the stack at about
 * 120,000 tokens.
 */
export function flattenTokens(all: readonly ArrayLike<number>[]): Int32Array {
  const flat = new Int32Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const one of all) {
    flat.set(one, at);
    at += one.length;
  }
  return flat;
}
