import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { visible } from './visible.ts';

test('shows control characters, bidirectional marks and lone surrogates, and keeps other text', () => {
  expect(visible('\u0000\u001b[2J\u007f\u0085')).toBe('␀␛[2J␡⟨U+0085⟩');
  expect(visible('\u202Eabc\u2066\uFEFF\u200B\u2028')).toBe('⟨U+202E⟩abc⟨U+2066⟩⟨U+FEFF⟩⟨U+200B⟩⟨U+2028⟩');
  expect(visible('a\uD800b\uDC00')).toBe('a⟨U+D800⟩b⟨U+DC00⟩');
  const honest = 'x² ≠ \\frac{1}{2}\n\tשלום 🎓 é';
  expect(visible(honest)).toBe(honest);
});

test('leaves no character that hides or reorders text, and is idempotent', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = visible(text);
      expect(shown.replaceAll(/[\n\t]/gu, '')).not.toMatch(/[\p{Cc}\p{Cs}\u202A-\u202E\u2066-\u2069]/u);
      expect(visible(shown)).toBe(shown);
    }),
  );
});
