import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTextPieces, withoutStop } from './text-pieces.ts';

/** A tokenizer with one token per byte: characters of several bytes become several tokens. */
const decode = (tokens: Int32Array): string => Buffer.from(tokens).toString('utf8');

test('yields pieces that concatenate to the text and never contain part of a stop string', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n', 'é', '😀', '日'), maxLength: 30 });
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n'), minLength: 1, maxLength: 3 }), {
    maxLength: 3,
  });
  const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 5 }));
  fc.assert(
    fc.property(text, stops, cuts, (whole, ending, sizes) => {
      // An engine stops at the first stop string.
      const ends = ending
        .map((stop) => whole.indexOf(stop) + stop.length)
        .filter((end, i) => end >= ending[i]!.length);
      const written = whole.slice(0, Math.min(whole.length, ...ends));
      const bytes = Buffer.from(written);
      const pieces = createTextPieces({ decode }, ending);
      const final = withoutStop(written, ending);
      let shown = '';
      for (let at = 0; at < bytes.length;) {
        const size = sizes.next().value as number;
        shown += pieces.add(Int32Array.from(bytes.subarray(at, at + size)));
        at += size;
        expect(final.startsWith(shown)).toBe(true);
      }
      expect(shown + pieces.end(final)).toBe(final);
    }),
  );
});

test('holds back only text that may begin a stop string', () => {
  const pieces = createTextPieces({ decode }, ['END']);
  const add = (text: string): string => pieces.add(Int32Array.from(Buffer.from(text)));
  expect(add('one')).toBe('one');
  expect(add(' E')).toBe(' ');
  expect(add('N')).toBe('');
  expect(add('ough')).toBe('ENough');
});
