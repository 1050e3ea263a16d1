/** `JSON` with the source text of numbers, which TypeScript's library does not declare yet (ECMA-262, 2026). */
const json = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): object;
};

/** Matches the shortest run of digits that may begin an integer beyond 2^53; digits after a decimal point do not count. */
const longDigits = /(?:^|[^.\d])\d{16}/;
const integer = /^-?\d+$/;

/**
 * Parses JSON without rounding integers: those beyond ±(2^53 − 1) become `bigint`, every other value is as `JSON.parse`
 * gives it. Decimals and exponents are doubles, as in Python.
 *
 * @throws SyntaxError as `JSON.parse` does.
 * @example
 * parseJson('{"n": 1, "big": 10000000000000000001}') // { n: 1, big: 10000000000000000001n }
 */
export function parseJson(text: string): unknown {
  if (!longDigits.test(text)) return JSON.parse(text) as unknown;
  return json.parse(text, (_, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && integer.test(source!)
      ? BigInt(source!)
      : value,
  );
}

/**
 * Writes JSON as `JSON.stringify` does, and each `bigint` as an integer with all its digits, so that `parseJson` reads the
 * same value back. `undefined`, functions and symbols give `undefined`.
 *
 * @param space as in `JSON.stringify`.
 * @throws TypeError for a value that contains itself.
 */
export function stringifyJson(value: unknown, space?: number): string {
  try {
    return JSON.stringify(value, undefined, space);
  } catch {
    // A replacer doubles the cost, and few values hold a bigint: the only other cause, a cycle, throws again.
    return JSON.stringify(value, exactly, space);
  }
}

const exactly = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? json.rawJSON(String(value)) : value;
