/**
 * Returns the exclusive ends of the steps in tokens [start, T); the last is T. A step ends with the token that
 * completes the separator. Text is never encoded again, so every cut is between two of the original tokens.
 *
 * @param decode converts tokens to text, without special tokens.
 *
 * @example
 * stepEnds(transcript.tokens, promptLength(transcript), '\n\n', renderer.decode); // e.g. [57, 80, 96]
 */
export function stepEnds(
  tokens: Int32Array,
  start: number,
  separator: string,
  decode: (tokens: Int32Array) => string,
): number[] {
  const ends: number[] = [];
  for (let from = start; from < tokens.length;) {
    const end = firstEnd(tokens, from, (some) => decode(some).includes(separator));
    ends.push(end);
    from = end;
  }
  return ends;
}

/**
 * Returns the smallest end > `from` at which a monotone condition holds, or T if it never holds. Searches by doubling,
 * then by bisection.
 */
function firstEnd(tokens: Int32Array, from: number, holds: (some: Int32Array) => boolean): number {
  let low = from;
  let size = 8;
  while (from + size < tokens.length && !holds(tokens.subarray(from, from + size))) {
    low = from + size;
    size *= 2;
  }
  let high = Math.min(from + size, tokens.length);
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (holds(tokens.subarray(from, middle))) high = middle;
    else low = middle;
  }
  return high;
}
