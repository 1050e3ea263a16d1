import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { printable } from './printable.ts';

test('shows control characters instead of emitting them', () => {
  expect(printable('\u001b[2J\u001b]0;title\u0007a\r\nb\tc\u007f')).toBe('␛[2J␛]0;title␇a␍␊b␉c␡');
  expect(printable('a\u009b31mb\u202ec')).toBe('a\\u{9b}31mb\\u{202e}c');
});

test('keeps line breaks and tabs on request, and harmless text unchanged', () => {
  expect(printable('a\n\tb\r', { lines: true })).toBe('a\n\tb␍');
  expect(printable('½ 数 👩‍🚀 é')).toBe('½ 数 👩‍🚀 é');
});

test('leaves no control character in arbitrary text', () => {
  const text = fc.array(fc.nat(0xffff)).map((codes) => String.fromCharCode(...codes));
  fc.assert(
    fc.property(text, fc.boolean(), (any, lines) => {
      const left = printable(any, { lines }).replaceAll(lines ? /[\n\t]/g : /$^/g, '');
      expect(left).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    }),
  );
});
