import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringifyJson } from '../../core/lossless-json.ts';
import { readStructure } from './structured-text.ts';

/** Returns Python's `repr` of plain data. */
function repr(value: unknown): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') {
    const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
    const escaped = value
      .replaceAll('\\', '\\\\')
      .replaceAll(quote, `\\${quote}`)
      .replaceAll('\n', '\\n')
      .replaceAll('\r', '\\r')
      .replaceAll('\t', '\\t')
      .replaceAll('\u0001', '\\x01');
    return quote + escaped + quote;
  }
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([key, one]) => `${repr(key)}: ${repr(one)}`)
      .join(', ')}}`;
  return stringifyJson(value);
}

const text = fc.string({ unit: fc.constantFrom('a', "'", '"', '\\', '\n', '\t', '\u0001', 'é', '{', ',') });
const { data } = fc.letrec((tie) => ({
  data: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.bigInt({ min: 10n ** 20n, max: 10n ** 30n }),
    fc.array(tie('data'), { maxLength: 4 }),
    fc.dictionary(text, tie('data'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

test('reads a list or object from JSON and from Python literals', () => {
  fc.assert(
    fc.property(fc.array(data, { maxLength: 4 }), (value) => {
      expect(readStructure(repr(value))).toEqual(value);
      expect(readStructure(stringifyJson(value))).toEqual(value);
    }),
  );
});

test.each([
  ["{'language': 'python', 'n': None, 'ok': True,}", { language: 'python', n: null, ok: true }],
  [
    "[('a', 1), (2.5, -3e2)]",
    [
      ['a', 1],
      [2.5, -300],
    ],
  ],
  ["['\\u00e9\\x41\\'']", ["éA'"]],
])('%s', (source, expected) => {
  expect(readStructure(source)).toEqual(expected);
});

test.each([
  '',
  '3',
  '"a"',
  '[1, 2',
  "{'a'}",
  "['a' 'b']",
  '[f(1)]',
  "['a",
  '[1] 2',
  '{x: 1}',
  '[0, \\infty)',
])('%j is not a structure', (source) => {
  expect(readStructure(source)).toBeUndefined();
});

test('deep nesting and arbitrary strings do not throw', () => {
  expect(readStructure("['".repeat(1e5))).toBeUndefined();
  expect(readStructure('(['.repeat(1e5))).toBeUndefined();
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...`[]{}()'",:\\x1eN `) }), (source) => {
      expect(() => readStructure(`[${source}`)).not.toThrow();
    }),
  );
});
