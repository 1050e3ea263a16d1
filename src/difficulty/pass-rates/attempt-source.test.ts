import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AttemptSource, decodeSource, encodeSource } from './attempt-source.ts';

const anySource: fc.Arbitrary<AttemptSource> = fc.oneof(
  fc.constantFrom<AttemptSource>({ type: 'base' }, { type: 'training' }),
  fc.nat().map((stage): AttemptSource => ({ type: 'boundary', stage })),
);

test('decodes what it encodes, and encodes different sources differently', () => {
  fc.assert(
    fc.property(anySource, anySource, (one, other) => {
      expect(decodeSource(encodeSource(one))).toEqual(one);
      expect(encodeSource(one) === encodeSource(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
    }),
  );
});

test('encodes sources in the format of existing stores', () => {
  const written = ['base', 'training', 'boundary:1', 'boundary:12'];
  expect(written.map((text) => encodeSource(decodeSource(text)))).toEqual(written);
});

test.each(['', 'probe', 'boundary:', 'boundary:01', 'boundary:-1', 'Base'])(
  'rejects the string %o',
  (text) => {
    expect(() => decodeSource(text)).toThrow(/base, training or boundary:<stage>/);
  },
);
