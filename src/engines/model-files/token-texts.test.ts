import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { openTokenizer, openTokenTexts } from './tokenizer.ts';

const folder = 'models/gradus-tiny';

test('returns one piece per token; the joined pieces are the decoded text', async () => {
  const texts = await openTokenTexts(folder);
  const tokenizer = await openTokenizer(folder, 1e6);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const tokens = [...tokenizer.encodeText(text)];
      const pieces = texts(tokens);
      expect(pieces).toHaveLength(tokens.length);
      // Characters outside the small vocabulary become a special token, which appears only in the pieces.
      expect(pieces.filter((piece) => piece !== '<unk>').join('')).toBe(
        tokenizer.decode(Int32Array.from(tokens)),
      );
    }),
  );
});

test('returns the string of an end token, and an empty string for an unknown id', async () => {
  const texts = await openTokenTexts(folder);
  const { endTokens } = await openTokenizer(folder, 1e6);
  const [end, none] = texts([endTokens[0]!, 9_999_999]);
  expect(end).not.toBe('');
  expect(none).toBe('');
});
