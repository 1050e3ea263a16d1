import { expect, test } from 'vitest';
import { percent, unknownTokenWarning } from './unknown-tokens.ts';

/** One token per character; all characters except digits are unknown. */
const render = (prompt: readonly { readonly content: string }[]): Int32Array =>
  Int32Array.from(prompt[0]!.content, (character) => (/\d/.test(character) ? 1 : 7));
const asked = (content: string) => [{ role: 'user' as const, content }];
const unknownToken = { id: 7, text: '<unk>' };

test('reports the share of unknown tokens in the prompts', () => {
  expect(unknownTokenWarning({ render, unknownToken }, [asked('12'), asked('what?')])).toMatch(
    /^71 % of prompt tokens are <unk>/,
  );
});

test('returns no warning if the tokenizer can express all prompts or has no unknown token', () => {
  expect(unknownTokenWarning({ render, unknownToken }, [asked('12')])).toBeUndefined();
  expect(unknownTokenWarning({ render }, [asked('what?')])).toBeUndefined();
});

test('never formats a share above 0 as 0', () => {
  expect([1e-9, 0.02, 0.61, 1].map(percent)).toEqual(['0.1 %', '2.0 %', '61 %', '100 %']);
});
