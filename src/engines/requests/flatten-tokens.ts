/** Token sequences laid end to end. However long they are: spread into arguments, some 120,000 tokens overflow the stack. */
export function flattenTokens(all: readonly ArrayLike<number>[]): Int32Array {
  const flat = new Int32Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const one of all) {
    flat.set(one, at);
    at += one.length;
  }
  return flat;
}
