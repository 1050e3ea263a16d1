import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJson, stringifyJson } from './lossless-json.ts';

/** Integers around and far beyond the limits of doubles. */
const bigInteger = fc.oneof(
  fc.bigInt({ min: -(10n ** 60n), max: 10n ** 60n }),
  fc.integer({ min: -70, max: 70 }).map((offset) => 2n ** 53n + BigInt(offset)),
  fc.integer({ min: -70, max: 70 }).map((offset) => -(2n ** 53n) + BigInt(offset)),
);
const asRead = (value: bigint): bigint | number =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value;
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    bigInteger.map(asRead),
    fc.jsonValue({ maxDepth: 1 }),
    fc.bigInt().map(String),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('tree'), { maxKeys: 4 }),
  ),
}));

test('any JSON with integers of any size comes back as it was written', () => {
  fc.assert(
    fc.property(tree, fc.constantFrom(0, 2), (value, space) => {
      const text = stringifyJson(value, space);
      // -0 is written 0, by JSON itself.
      expect(stringifyJson(parseJson(text), space)).toBe(text);
      expect(parseJson(text)).toEqual(parseJson(stringifyJson(parseJson(text))));
    }),
  );
});

test('integers are read to the last digit, wherever they are', () => {
  fc.assert(
    fc.property(bigInteger, (value) => {
      const read = asRead(value);
      expect(parseJson(String(value))).toEqual(read);
      expect(parseJson(`[ ${value}\n]`)).toEqual([read]);
      expect(parseJson(`{"a":{"b":[-1,${value}]}}`)).toEqual({ a: { b: [-1, read] } });
      expect(stringifyJson({ a: [value] })).toBe(`{"a":[${value}]}`);
    }),
  );
});

test('texts without integers beyond 2^53 are read and written as JSON does', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      fc.pre(!/\d{16}/.test(text));
      expect(parseJson(text)).toEqual(JSON.parse(text));
      expect(stringifyJson(JSON.parse(text))).toBe(JSON.stringify(JSON.parse(text)));
    }),
  );
  const decimals = '[0.12345678901234567890, 12345678901234567890.5, 1e300, "12345678901234567890"]';
  expect(parseJson(decimals)).toEqual(JSON.parse(decimals));
});

test('a name such as __proto__ stays a plain field', () => {
  const value = parseJson('{"__proto__": 12345678901234567890}') as object;
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(stringifyJson(value)).toBe('{"__proto__":12345678901234567890}');
});

test('broken JSON and cycles throw as JSON does', () => {
  expect(() => parseJson('{"a":12345678901234567890')).toThrow(SyntaxError);
  const cycle: Record<string, unknown> = { a: 1n };
  cycle['self'] = cycle;
  expect(() => stringifyJson(cycle)).toThrow(TypeError);
  expect(stringifyJson(undefined)).toBeUndefined();
});
