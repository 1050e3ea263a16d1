import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { openTokenizer, openTokenTexts } from './tokenizer.ts';

const folder = 'models/gradus-tiny';

test('pieces of tokens are one a token, and joined the whole', async () => {
  const texts = await openTokenTexts(folder);
  const tokenizer = await openTokenizer(folder, 1e6);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const tokens = [...tokenizer.encodeText(text)];
      const pieces = texts(tokens);
      expect(pieces).toHaveLength(tokens.length);
      // What the small vocabulary lacks is a special token, which only the pieces show.
      expect(pieces.filter((piece) => piece !== '<unk>').join('')).toBe(
        tokenizer.decode(Int32Array.from(tokens)),
      );
    }),
  );
});

test('an end token is seen, an id that is none is nothing', async () => {
  const texts = await openTokenTexts(folder);
  const { endTokens } = await openTokenizer(folder, 1e6);
  const [end, none] = texts([endTokens[0]!, 9_999_999]);
  expect(end).not.toBe('');
  expect(none).toBe('');
});
