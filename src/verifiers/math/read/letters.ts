import { isSpacedUnitSymbol, isUnitSymbol, isUnitWord } from '../units.ts';
import { chineseScale, scaleOf } from './number-words.ts';
import type { Token } from './token.ts';
import {
  functionNames,
  nounsLikeFunctions,
  plainCommands,
  shortNouns,
  signCommands,
  synonyms,
} from './vocabulary.ts';

/** The context of a run of letters. */
interface Surroundings {
  /** The tokens before the run. */
  readonly before: readonly Token[];
  /** The character after the run; undefined at the end. */
  readonly after: string | undefined;
  /** True if a space precedes the run. */
  readonly isSpaced: boolean;
}

/** Reads a run of letters: words, function names, units, or a product of one-letter variables. */
export function readLetters(run: string, around: Surroundings): readonly Token[] {
  const { before, after, isSpaced } = around;
  const isAfterValue = followsValue(before);
  if (isAfterValue || followsUnit(before)) {
    if (run === 'to' && isSpaced && isAfterValue) return [{ kind: 'command', value: 'ratio' }];
    const isUnit =
      isUnitSymbol(run) || (isSpaced && isSpacedUnitSymbol(run)) || (run.length > 2 && isUnitWord(run));
    const isScale = isSpaced && isAfterValue && run.length > 1 && scaleOf(run) !== undefined;
    if (isSpaced && hedgesWithoutVowels.has(run)) return [word(run)];
    const isPower = isSpaced && isAfterValue && (run === 'sq' || run === 'cu');
    if ((isUnit || isScale || isPower) && after !== '(') return [word(run)];
    if (!isSpaced && isAfterValue && /^(?:st|nd|rd|th)$/.test(run)) return [];
    if (run === 'am' || run === 'pm' || run === 'AM' || run === 'PM') return [word(run)];
  }
  if (isAfterValue && isSpaced && nounsLikeFunctions.has(run) && after !== '(') return [word(run)];
  if (plainCommands.has(run) && !(run === 'in' || run === 'arg')) return [namedToken(run)];
  const conjunction = isAfterValue ? /^(?:or|and)(?=[A-Za-z]$)/.exec(run)?.[0] : undefined;
  if (conjunction !== undefined) return [{ kind: 'command', value: conjunction }, letter(run.at(-1)!)];
  const embedded = functionInside(run);
  if (embedded) return embedded;
  if (isWord(run, after) || (isAfterValue && isSpaced && isNoun(run, after))) return [word(run)];
  return [...run].map(letter);
}

/** Words that change the value before them and would otherwise be read as products of variables. */
const hedgesWithoutVowels: ReadonlySet<string> = new Set(['than', 'past', 'half', 'that']);

/** Reads a run of Chinese, Japanese or Korean characters: a conjunction, a scale (`万`), or words. */
export function readIdeographs(run: string, before: readonly Token[]): readonly Token[] {
  if (before.length > 0 && before.at(-1)!.kind !== 'word') {
    if (/^(?:或|或者)$/.test(run)) return [{ kind: 'command', value: 'or' }];
    if (/^(?:和|与|及|以及|且)$/.test(run)) return [{ kind: 'command', value: 'and' }];
    if (/^(?:或|和|、)$/.test(run[0]!) && run.length === 1) return [{ kind: 'command', value: 'and' }];
  }
  const scale = followsValue(before) ? chineseScale(run) : undefined;
  if (scale === undefined) return [word(run)];
  return scale.rest === '' ? [word(scale.scale)] : [word(scale.scale), word(scale.rest)];
}

/** Returns whether the tokens end in a value that a unit may follow. */
export function followsValue(before: readonly Token[]): boolean {
  const last = before.at(-1);
  if (last === undefined) return false;
  return (
    last.kind === 'number' ||
    last.kind === 'literal' ||
    (last.kind === 'symbol' && ')}%'.includes(last.value))
  );
}

/** Returns whether the tokens end in the `/` or the first word of a unit: `ft / sec`. */
export function followsUnit(before: readonly Token[]): boolean {
  const last = before.at(-1);
  const isJoined = last?.kind === 'symbol' && '/*-'.includes(last.value);
  return (isJoined ? before.at(-2) : last)?.kind === 'word';
}

/** Splits a run such as `xsinx` or `cosx`: a function name with at most one letter on each side. */
function functionInside(run: string): Token[] | undefined {
  if (run.length < 3 || run.length > 9) return undefined;
  for (const prefix of [0, 1]) {
    for (const suffix of [0, 1]) {
      const name = run.slice(prefix, run.length - suffix);
      if (!functionNames.has(name) || name === 'Re' || name === 'Im' || name === 'arg' || name === 'det')
        continue;
      return [
        ...Array.from(run.slice(0, prefix), letter),
        namedToken(name),
        ...Array.from(run.slice(run.length - suffix), letter),
      ];
    }
  }
  return undefined;
}

/**
 * Returns whether a run of letters is a word: it has three letters or more, and capitals or a vowel that is rarely a
 * factor in formulas. A run followed by a power, an index or an argument is a product: `axe^x`.
 */
function isWord(run: string, after: string | undefined): boolean {
  if (run.length < 3 || after === '^' || after === '_' || after === '(') return false;
  if (run.length > 3) return /[eiou]/.test(run) || /[A-Z]/.test(run);
  return /[eiou]/.test(run.slice(1)) || /^[A-Z][a-z]+$/.test(run);
}

/**
 * Returns whether a run of letters is a counted noun: it contains a vowel, and a number and a space precede it, as in
 * `14 days`.
 */
function isNoun(run: string, after: string | undefined): boolean {
  if (after === '^' || after === '_' || after === '(') return false;
  return run.length > 3 ? /[aeiouy]/.test(run) : shortNouns.has(run);
}

/** Returns the token of a word with a meaning: `pi`, `or`, `percent`. */
export function namedToken(name: string): Token {
  const meaning = synonyms[name] ?? name;
  return { kind: signCommands.has(meaning) ? 'symbol' : 'command', value: meaning };
}

function word(value: string): Token {
  return { kind: 'word', value };
}

function letter(value: string): Token {
  return { kind: 'letter', value };
}
