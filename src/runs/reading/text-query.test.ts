import { DatabaseSync } from 'node:sqlite';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { findMatch, matchExpression } from './text-query.ts';

const text = String.raw`Die Lösung ist \boxed{-1/12}, also 7 apples`;
const database = new DatabaseSync(':memory:');
database.exec(
  `CREATE VIRTUAL TABLE texts USING fts5(prompt, answer, completion, tokenize="unicode61 remove_diacritics 2")`,
);
database.prepare("INSERT INTO texts VALUES ('', '', ?)").run(text);

/** Returns whether FTS5 matches `text`, tokenised as in the index. */
function matches(query: string): boolean {
  const expression = matchExpression(query, ['completion']);
  const found =
    expression !== undefined && database.prepare('SELECT 1 FROM texts WHERE texts MATCH ?').get(expression);
  return found !== false && found !== undefined;
}

test('finds words, phrases and prefixes; ignores case, diacritics and punctuation', () => {
  for (const query of [
    'losung',
    'LÖSUNG ist',
    '1/12',
    '"also 7"',
    'app*',
    '"7 app"*',
    String.raw`\boxed{-1/12}`,
  ])
    expect({ query, found: matches(query), span: findMatch(text, query) !== undefined }).toEqual({
      query,
      found: true,
      span: true,
    });
  for (const query of ['appl', '12/1', '"ist also"', 'losung pears', '', '***', '"'])
    expect({ query, found: matches(query) }).toEqual({ query, found: false });
  expect(text.slice(...findMatch(text, 'zz 1/12')!)).toBe('1/12');
});

test('never interprets text as FTS5 syntax', () => {
  const syntax = fc.constantFrom(
    '"',
    '*',
    ' OR ',
    'NEAR(',
    ')',
    ':',
    '^',
    '-',
    '{a}',
    'completion:',
    '\0',
    'ä',
  );
  const query = fc.array(fc.oneof(syntax, fc.string({ maxLength: 5 })), { maxLength: 8 });
  fc.assert(
    fc.property(query, (parts) => {
      expect(() => matches(parts.join(''))).not.toThrow();
    }),
    { numRuns: 100 },
  );
});
