/**
 * `JSON` with access to the source text of numbers (ECMA-262, 2026), which TypeScript does not declare yet.
 */
const json = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): object;
};

/** Matches 16 digits, the shortest integer that may exceed 2^53; digits after a decimal point do not count. */
const longDigits = /(?:^|[^.\d])\d{16}/;
const integer = /^-?\d+$/;

/**
 * Parses JSON without rounding integers: those beyond ±(2^53 − 1) become `bigint`, and every other value is the result
 * of `JSON.parse`. Decimals and exponents are doubles, as in Python.
 *
 * @throws SyntaxError for invalid JSON, as `JSON.parse` does.
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
 * Writes JSON as `JSON.stringify` does, with two exceptions. Each `bigint` becomes an integer with all its digits. Each
 * integral double beyond ±(2^53 − 1) is written with an exponent, so that `parseJson` reads the same value back (but
 * `-0` is written as `0`). Returns `undefined` for `undefined`, functions and symbols.
 *
 * @param space as in `JSON.stringify`.
 * @throws TypeError for a value that contains itself.
 */
export function stringifyJson(value: unknown, space?: number): string {
  // Try without a replacer first: it doubles the cost, and few values need one.
  try {
    const text = JSON.stringify(value, undefined, space);
    if (!longDigits.test(text)) return text;
  } catch {
    // The value contains a bigint, or a cycle, which throws again below.
  }
  return JSON.stringify(value, exactly, space);
}

const exactly = (_: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return json.rawJSON(String(value));
  const isLarge = Number.isInteger(value) && !Number.isSafeInteger(value);
  return isLarge ? json.rawJSON((value as number).toExponential()) : value;
};
