import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Choice } from './answer.ts';
import { endAtStop } from './stop-strings.ts';

const choiceOf = (pieces: readonly string[]): Choice => ({
  index: 0,
  text: pieces.join(''),
  isTruncated: true,
  isScored: true,
  tokenCount: pieces.length,
  pieces,
  written: {
    tokens: Int32Array.from(pieces.keys()),
    logprobs: Float32Array.from(pieces, () => -1),
  },
});

const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 3 });

test('ends the text with the first complete stop string, and the tokens with the token that completes it', () => {
  fc.assert(
    fc.property(fc.array(letters), fc.array(letters, { minLength: 1, maxLength: 3 }), (pieces, stop) => {
      const whole = choiceOf(pieces);
      const { text, isTruncated, written, tokenCount } = endAtStop(whole, stop);
      const ends = Array.from(whole.text, (_, i) => i + 1);
      const end = ends.find((one) => stop.some((each) => whole.text.slice(0, one).endsWith(each)));
      expect(text).toBe(whole.text.slice(0, end));
      expect(isTruncated).toBe(end === undefined);
      expect(tokenCount).toBe(written!.tokens.length);
      const kept = pieces.slice(0, tokenCount);
      expect(kept.join('').startsWith(text)).toBe(true);
      const before = kept.slice(0, -1).join('').length;
      expect(end === undefined || before < end).toBe(true);
    }),
  );
});

test('restores a stop string that the server removed but named', () => {
  const { pieces: _, ...choice } = { ...choiceOf(['4', '2']), isTruncated: false };
  expect(endAtStop({ ...choice, stoppedBy: '\n' }, ['\n', ';']).text).toBe('42\n');
  // This is the string of a stop token, not one of our stop strings.
  expect(endAtStop({ ...choice, stoppedBy: '<eos>' }, ['\n']).text).toBe('42');
});

test('keeps all tokens if the server ended the text at the stop string', () => {
  // The last token has more characters than the stop string.
  const { pieces: _, ...choice } = choiceOf(['4', ';\n']);
  const ended = { ...choice, text: '4;', isTruncated: false };
  expect(endAtStop(ended, [';'])).toEqual(ended);
});

test('omits the tokens of a shortened text if the text of each token is unknown', () => {
  const { pieces: _, ...choice } = choiceOf(['4', ';', '5']);
  const cut = endAtStop(choice, [';']);
  expect(cut).toMatchObject({ text: '4;', isTruncated: false, tokenCount: 3 });
  expect(cut.written).toBeUndefined();
});
