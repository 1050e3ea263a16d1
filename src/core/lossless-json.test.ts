import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJson, stringifyJson } from './lossless-json.ts';

/** Integers near ±2^53 and far beyond. */
const bigInteger = fc.oneof(
  fc.bigInt({ min: -(10n ** 60n), max: 10n ** 60n }),
  fc.integer({ min: -70, max: 70 }).map((offset) => 2n ** 53n + BigInt(offset)),
  fc.integer({ min: -70, max: 70 }).map((offset) => -(2n ** 53n) + BigInt(offset)),
);
const asRead = (value: bigint): bigint | number =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value;
/**
 * Doubles of any size, often integral ones beyond 2^53, which JSON writes without an exponent. `-0` becomes 0, because
 * JSON writes it as `0`.
 */
const double = fc
  .oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.double({ min: -1e22, max: 1e22, noNaN: true }).map(Math.round),
    fc.integer({ min: -8, max: 8 }).map((offset) => 2 ** 53 + 2 * offset),
  )
  .map((value) => value + 0);
const plain = fc.jsonValue({ maxDepth: 1 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    bigInteger.map(asRead),
    double,
    plain,
    fc.bigInt().map(String),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('tree'), { maxKeys: 4 }),
  ),
}));

test('values with integers and doubles of any size survive a round trip', () => {
  fc.assert(
    fc.property(tree, fc.constantFrom(0, 2), (value, space) => {
      const text = stringifyJson(value, space);
      expect(parseJson(text)).toEqual(value);
      expect(stringifyJson(parseJson(text), space)).toBe(text);
    }),
    { numRuns: 500 },
  );
});

test('integral doubles beyond 2^53 are written with an exponent, which JSON.parse reads as the same number', () => {
  expect(stringifyJson([1e20, -(2 ** 53), 2 ** 53 - 1, 1e21])).toBe(
    '[1e+20,-9.007199254740992e+15,9007199254740991,1e+21]',
  );
  fc.assert(
    fc.property(double, (value) => {
      const text = stringifyJson({ a: [value] });
      expect(JSON.parse(text)).toEqual({ a: [value] });
      expect(parseJson(text)).toEqual({ a: [value] });
    }),
    { numRuns: 500 },
  );
});

test('parseJson reads integers exactly, at any depth', () => {
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

test('without integers beyond 2^53, parseJson and stringifyJson behave like JSON.parse and JSON.stringify', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      fc.pre(!/\d{16}/.test(text));
      expect(parseJson(text)).toEqual(JSON.parse(text));
      fc.pre(!/\d{16}/.test(JSON.stringify(JSON.parse(text))));
      expect(stringifyJson(JSON.parse(text))).toBe(JSON.stringify(JSON.parse(text)));
    }),
  );
  const decimals = '[0.12345678901234567890, 12345678901234567890.5, 1e300, "12345678901234567890"]';
  expect(parseJson(decimals)).toEqual(JSON.parse(decimals));
});

test('a field named __proto__ stays a plain field', () => {
  const value = parseJson('{"__proto__": 12345678901234567890}') as object;
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(stringifyJson(value)).toBe('{"__proto__":12345678901234567890}');
});

test('invalid JSON and cycles throw the same errors as JSON.parse and JSON.stringify', () => {
  expect(() => parseJson('{"a":12345678901234567890')).toThrow(SyntaxError);
  const cycle: Record<string, unknown> = { a: 1n };
  cycle['self'] = cycle;
  expect(() => stringifyJson(cycle)).toThrow(TypeError);
  expect(stringifyJson(undefined)).toBeUndefined();
});
