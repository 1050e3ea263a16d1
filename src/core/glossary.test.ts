import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { glossary, termOf } from './glossary.ts';
import { outcomes } from './verdict.ts';

test('the table "Words" in ARCHITECTURE.md equals the glossary', () => {
  const [, section] = readFileSync('ARCHITECTURE.md', 'utf8').split('## Words\n');
  const rows = [...section!.matchAll(/^\| (?!word |-)(.+?) \| (.+) \|$/gmu)];
  expect(rows.map(([, word, meaning]) => [word, meaning])).toEqual(Object.entries(glossary));
});

test('every definition is one phrase, and every outcome is defined', () => {
  for (const meaning of Object.values(glossary)) {
    expect(meaning).toMatch(/^[a-z].*[^.\s]$/u);
    expect(meaning.length).toBeLessThan(120);
  }
  expect(outcomes.filter((outcome) => !(outcome in glossary))).toEqual([]);
});

test('finds the term that a label names, ignoring case and plural', () => {
  expect(termOf('Pass rate')).toBe('pass rate');
  expect(termOf('Gates')).toBe('gate');
  expect(termOf('Mixed groups')).toBe('mixed group');
  expect(termOf('Verdict')).toBe('verdict');
  for (const label of ['', 's', 'Tokens', 'constructor', 'Pass rate over steps'])
    expect(termOf(label)).toBeUndefined();
});
