import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readFields } from '../../test/runs/protobuf-reader.ts';
import { ProtobufMessage } from './protobuf.ts';

const hex = (message: ProtobufMessage): string => Buffer.from(message.join()).toString('hex');

test('encodes the examples from the Protocol Buffers encoding guide', () => {
  expect(hex(new ProtobufMessage().integer(1, 150))).toBe('089601');
  expect(hex(new ProtobufMessage().text(2, 'testing'))).toBe('120774657374696e67');
  expect(hex(new ProtobufMessage().message(3, new ProtobufMessage().integer(1, 150)))).toBe('1a03089601');
  expect(hex(new ProtobufMessage().integer(1, -2))).toBe('08feffffffffffffffff01');
});

test('decoding returns the fields in order, with their numbers and values', () => {
  const field = fc.integer({ min: 1, max: 2 ** 29 - 1 });
  const value = fc.oneof(
    fc.record({ kind: fc.constant('integer' as const), value: fc.maxSafeNat() }),
    fc.record({ kind: fc.constant('double' as const), value: fc.double({ noNaN: true }) }),
    fc.record({ kind: fc.constant('float' as const), value: fc.float({ noNaN: true }) }),
    fc.record({ kind: fc.constant('text' as const), value: fc.string({ unit: 'grapheme', maxLength: 300 }) }),
    fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 300 }) }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(field, value)), field, (fields, outer) => {
      const message = new ProtobufMessage();
      for (const [number, one] of fields) {
        if (one.kind === 'text') message.text(number, one.value);
        else if (one.kind === 'bytes') message.bytes(number, one.value);
        else message[one.kind](number, one.value);
      }
      const [[number, nested]] = readFields(new ProtobufMessage().message(outer, message).join()) as [
        [number, Uint8Array],
      ];
      expect(number).toBe(outer);
      const found = readFields(nested).map(([at, data]) => [
        at,
        typeof data === 'number' ? data : Buffer.from(data).toString('hex'),
      ]);
      const expected = fields.map(([at, one]) => [
        at,
        typeof one.value === 'number' ? one.value : Buffer.from(one.value).toString('hex'),
      ]);
      expect(found).toEqual(expected);
    }),
  );
});
