import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ProtocolError } from '../core/errors.ts';
import { createFrameReader, encodeFrame, type Frame } from './frame.ts';
import { maxHeaderBytes, maxPayloadBytes } from './messages.ts';
import { packTensors, unpackTensors } from './tensors.ts';

const frames = fc.array(
  fc.record({
    header: fc
      .dictionary(fc.string(), fc.jsonValue())
      .map((value): unknown => JSON.parse(JSON.stringify(value))),
    payload: fc.uint8Array({ maxLength: 64 }),
  }),
  { minLength: 1, maxLength: 4 },
);
const bytesOf = (all: readonly Frame[]): Uint8Array => Buffer.concat(all.map(encodeFrame));

test('reassembles frames from a stream cut into chunks of any size', () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
  fc.assert(
    fc.property(frames, cuts, (sent, lengths) => {
      const bytes = bytesOf(sent);
      const reader = createFrameReader();
      const got: Frame[] = [];
      for (let [at, i] = [0, 0]; at < bytes.length; i++) {
        const length = lengths[i % lengths.length]!;
        got.push(...reader.push(bytes.subarray(at, at + length)));
        at += length;
      }
      reader.end();
      expect(got).toEqual(sent);
    }),
  );
});

test('a stream that ends within a frame causes an error after its complete frames', () => {
  fc.assert(
    fc.property(frames, fc.nat(), (sent, place) => {
      const bytes = bytesOf(sent);
      const cut = place % bytes.length;
      const reader = createFrameReader();
      const got = reader.push(bytes.subarray(0, cut));
      expect(got).toEqual(sent.slice(0, got.length));
      const isWhole = bytesOf(sent.slice(0, got.length)).length === cut;
      expect(errorNameOf(() => reader.end())).toBe(isWhole ? null : 'ProtocolError');
    }),
  );
});

test('random and corrupted bytes yield frames or a ProtocolError', () => {
  const read = (bytes: Uint8Array): void => {
    expect([null, 'ProtocolError']).toContain(errorNameOf(() => createFrameReader().push(bytes)));
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), read));
  const changed = fc.tuple(frames, fc.nat(), fc.nat({ max: 255 })).map(([sent, place, value]) => {
    const bytes = bytesOf(sent);
    bytes[place % bytes.length] = value;
    return bytes;
  });
  fc.assert(fc.property(changed, read));
});

test.each([
  [maxHeaderBytes + 1, 0],
  [1, 0],
  [2, maxPayloadBytes + 1],
])('rejects lengths %i and %i before allocating memory', (header, payload) => {
  const prefix = new Uint8Array(Uint32Array.of(header, payload).buffer);
  expect(() => createFrameReader().push(prefix)).toThrow(ProtocolError);
});

test('a header that is not JSON or not UTF-8 is rejected', () => {
  for (const header of ['{a', '\xff\xfe']) {
    const body = Buffer.from(header, 'latin1');
    const prefix = new Uint8Array(Uint32Array.of(body.length, 0).buffer);
    expect(() => createFrameReader().push(Buffer.concat([prefix, body]))).toThrow(/header to be JSON/);
  }
});

test('tensors round-trip bit for bit, even from unaligned memory', () => {
  const bits = fc.array(fc.nat({ max: 2 ** 32 - 1 }));
  fc.assert(
    fc.property(bits, bits, bits, fc.nat({ max: 3 }), (a, b, c, shift) => {
      const sent = {
        a: new Float32Array(Uint32Array.from(a).buffer),
        b: new Int32Array(Uint32Array.from(b).buffer),
        c: Uint32Array.from(c),
      };
      const { tensors, payload } = packTensors(sent);
      const moved = new Uint8Array(payload.length + shift).subarray(shift);
      moved.set(payload);
      const got = unpackTensors(tensors, moved);
      for (const [name, array] of Object.entries(sent)) {
        const { buffer, byteOffset, byteLength } = got[name]!;
        expect(new Uint8Array(buffer, byteOffset, byteLength)).toEqual(new Uint8Array(array.buffer));
      }
    }),
  );
});

test.each([
  ['past the end', [4], 0],
  ['at an unaligned offset', [1], 2],
  ['larger than any memory', [2 ** 40, 2 ** 40], 0],
])('rejects a tensor %s', (_, shape, offset) => {
  const described = [{ name: 'x', dtype: 'f32', shape, offset } as const];
  expect(() => unpackTensors(described, new Uint8Array(12))).toThrow(/tensor "x"/);
});

function errorNameOf(run: () => unknown): string | null {
  try {
    run();
    return null;
  } catch (error) {
    return (error as Error).name;
  }
}
