import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { extendTranscript, givenTranscript, lastAnswer, promptLength, writtenCount } from './transcript.ts';

const decode = (tokens: Int32Array): string => String.fromCharCode(...tokens);
const piece = fc
  .array(fc.integer({ min: 97, max: 122 }), { maxLength: 5 })
  .map((all) => Int32Array.from(all));
const turn = (tokens: Int32Array, finishReason: 'stop' | 'length' = 'length') => ({
  tokens,
  logprobs: new Float32Array(tokens.length).fill(-1),
  finishReason,
  policyVersion: 4,
});

test('arrays cover all tokens, spans cover only written tokens, and a continued message stays one message', () => {
  fc.assert(
    fc.property(piece, fc.array(piece, { minLength: 1, maxLength: 4 }), (prompt, pieces) => {
      const given = givenTranscript([{ role: 'user', content: 'q' }], prompt);
      const whole = pieces.reduce((before, one) => extendTranscript(before, turn(one), decode), given);
      const all = Int32Array.from(pieces.flatMap((one) => [...one]));
      expect(whole.tokens).toEqual(Int32Array.from([...prompt, ...all]));
      expect(whole.logprobs).toEqual(Float32Array.from(whole.tokens, (_, t) => (t < prompt.length ? 0 : -1)));
      expect([promptLength(whole), writtenCount(whole)]).toEqual([prompt.length, all.length]);
      expect(whole.messages.map(({ author }) => author)).toEqual(['problem', 'policy']);
      expect(lastAnswer(whole)).toBe(decode(all));
      for (const [i, { start, end }] of whole.written.entries())
        expect(whole.tokens.slice(start, end)).toEqual(pieces[i]);
    }),
  );
});

test('entropies are kept only if every written token has one', () => {
  const entropies = Float32Array.of(0.5);
  const given = givenTranscript([], Int32Array.of(97));
  const first = extendTranscript(given, { ...turn(Int32Array.of(98)), entropies }, decode);
  expect(first.entropies).toEqual(Float32Array.of(0, 0.5));
  expect(extendTranscript(first, { ...turn(Int32Array.of(99)), entropies }, decode).entropies).toEqual(
    Float32Array.of(0, 0.5, 0.5),
  );
  const without = extendTranscript(given, turn(Int32Array.of(98)), decode);
  expect(
    extendTranscript(without, { ...turn(Int32Array.of(99)), entropies }, decode).entropies,
  ).toBeUndefined();
  expect(extendTranscript(first, turn(Int32Array.of(99)), decode).entropies).toBeUndefined();
});
