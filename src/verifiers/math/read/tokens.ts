import { isUnitWord } from '../units.ts';
import { followsUnit, followsValue, namedToken, readIdeographs, readLetters } from './letters.ts';
import { literalAt } from './literals.ts';
import { isNumberWord } from './number-words.ts';
import { isDigit, scanNumeral } from './numerals.ts';
import { type Token, UnreadableAnswer } from './token.ts';
import {
  functionNames,
  hiddenCommands,
  layoutCommands,
  namedSets,
  synonyms,
  textCommands,
} from './vocabulary.ts';

const matrixEnvironments: ReadonlySet<string> = new Set(
  'pmatrix bmatrix vmatrix Bmatrix Vmatrix matrix smallmatrix array cases'.split(' '),
);

/** Commands whose argument is a double-struck letter, which names a set. */
const doubleStruck: ReadonlySet<string> = new Set(['mathbb', 'Bbb', 'mathds', 'mathbbm']);
/** Spacing commands and escapes that may occur inside words. */
const layoutEscapes = ['\\,', '\\;', '\\!', '\\ ', '\\$', '~'];

const symbolSpellings = ['**', '<=', '>=', '!=', '==', ':='] as const;
const symbolMeanings: Readonly<Record<string, string>> = { '**': '^', '==': '=', ':=': '=' };
const commandMeanings: Readonly<Record<string, string>> = { '<=': 'le', '>=': 'ge', '!=': 'ne' };
const singleSymbols = "+-*/^_=<>()[]{}|!,;:&%'";

/**
 * Splits a text that `normaliseText` has normalised into tokens, in linear time; drops layout and dollar signs. Throws
 * `UnreadableAnswer` at an unknown sign.
 */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const push = (kind: Token['kind'], value: string): void => {
    tokens.push({ kind, value });
  };
  /** For each open bracket: true if it contains items; a comma between digits then separates two items. */
  const open: boolean[] = [];
  let spaceEnd = -1;
  for (let at = 0; at < text.length;) {
    const character = text[at]!;
    if (isSpacing(character)) spaceEnd = ++at;
    else if (isDigit(character) || (character === '.' && isDigit(text[at + 1]))) {
      const found = open.length === 0 ? literalAt(text, at) : undefined;
      if (found) tokens.push({ kind: 'literal', value: found.literal.written, literal: found.literal });
      const numeral = found ?? scanNumeral(text, at, !open.includes(true));
      if ('text' in numeral) push('number', numeral.text);
      at = numeral.end;
    } else if (character === '\\') {
      const isGap = ' ,;:~'.includes(text[at + 1] ?? '');
      at = scanCommand(text, at, tokens);
      if (isGap) spaceEnd = at;
    } else if (isLetter(character) && !isWestern(text[at + 1] ?? ' ')) {
      push('letter', character);
      at++;
    } else if (isLetter(character) || isForeignLetter(character) || isIdeograph(character)) {
      const end = isIdeograph(character) ? runEnd(text, at, isIdeograph) : runEnd(text, at, isWestern);
      const run = text.slice(at, end);
      for (const token of lettersOf(run, text[end], spaceEnd === at, tokens)) tokens.push(token);
      at = end;
    } else {
      const unitEnd = character === '(' ? scanBracketedUnit(text, at, tokens) : undefined;
      if (unitEnd === undefined && '([{'.includes(character)) open.push(holdsItems(character, tokens.at(-1)));
      if (')]}'.includes(character)) open.pop();
      at = unitEnd ?? scanSymbol(text, at, push);
    }
  }
  return tokens;
}

/** Returns whether a bracket contains items; braces do unless they are the argument of a command or script. */
function holdsItems(bracket: string, before: Token | undefined): boolean {
  if (bracket !== '{' || before === undefined) return true;
  const isArgument =
    before.kind === 'command' || before.value === '}' || before.value === '^' || before.value === '_';
  return !isArgument || before.value === 'in' || before.value === 'cup';
}

function lettersOf(
  run: string,
  after: string | undefined,
  isSpaced: boolean,
  before: readonly Token[],
): readonly Token[] {
  if (isIdeograph(run[0]!)) return readIdeographs(run, before);
  if (/[^A-Za-z]/.test(run)) return [{ kind: 'word', value: run }];
  return readLetters(run, { before, after, isSpaced });
}

const bracketedUnit =
  /\(\s*(?:\\(?:text|mathrm|textrm)\s*\{)?\s*([A-Za-z]{2,}(?: [A-Za-z]+){0,4}|\p{Script=Han}{1,4})\s*\}?\s*\)/uy;

/**
 * Scans words in brackets after a value, which are its unit, as in `12 (apples)`. Returns their end; undefined if there
 * are none.
 */
function scanBracketedUnit(text: string, at: number, tokens: Token[]): number | undefined {
  if (!followsValue(tokens)) return undefined;
  bracketedUnit.lastIndex = at;
  const found = bracketedUnit.exec(text);
  const words = found?.[1]!.split(' ') ?? [];
  const areUnits = words.every(
    (word) =>
      isUnitWord(word) ||
      (word.length > 3 && /[aeiouy]/i.test(word)) ||
      word === 'of' ||
      isIdeograph(word[0]!),
  );
  const isOther = words.some((word) => functionNames.has(word) || isNumberWord(word));
  if (found === null || !areUnits || isOther) return undefined;
  tokens.push({ kind: 'word', value: found[1]! });
  return at + found[0].length;
}

/** Returns the tokens in one normal spelling, for display. */
export function spell(tokens: readonly Token[]): string {
  return tokens.map((token) => (token.kind === 'command' ? `\\${token.value}` : token.value)).join(' ');
}

type Push = (kind: Token['kind'], value: string) => void;

function scanSymbol(text: string, at: number, push: Push): number {
  const mayBePair = text[at + 1] === '=' || text[at + 1] === '*';
  const pair = mayBePair ? symbolSpellings.find((spelling) => text.startsWith(spelling, at)) : undefined;
  if (pair !== undefined) {
    if (pair in commandMeanings) push('command', commandMeanings[pair]!);
    else push('symbol', symbolMeanings[pair]!);
    return at + pair.length;
  }
  const character = text[at]!;
  if (character === '.') return at + 1;
  if (!singleSymbols.includes(character)) throw new UnreadableAnswer(`unexpected "${character}"`);
  push('symbol', character);
  return at + 1;
}

function scanCommand(text: string, at: number, tokens: Token[]): number {
  const push: Push = (kind, value) => tokens.push({ kind, value });
  const end = lettersEnd(text, at + 1);
  if (end === at + 1) return scanEscape(text, at, push);
  const name = text.slice(at + 1, end);
  if (name === 'left' || name === 'right')
    return text[skipSpaces(text, end)] === '.' ? skipSpaces(text, end) + 1 : end;
  if (layoutCommands.has(name)) return end;
  if (hiddenCommands.has(name)) return text[end] === '{' ? argumentOf(text, end).end : end;
  if (name === 'begin' || name === 'end') return scanEnvironment(text, end, name, push);
  const isDoubleStruck = doubleStruck.has(name);
  if (!isDoubleStruck && !textCommands.has(name)) {
    tokens.push(namedToken(name));
    return end;
  }
  const argument = argumentOf(text, end);
  if (isDoubleStruck) push('command', namedSets[argument.text.trim()] ?? argument.text);
  else pushText(argument, name, text, tokens);
  return argument.end;
}

function scanEscape(text: string, at: number, push: Push): number {
  const character = text[at + 1];
  if (character === '\\') push('symbol', '\\\\');
  else if (character === '{' || character === '}') push('command', character);
  else if (character === '%') push('symbol', '%');
  else if (character === '|') push('symbol', '|');
  return at + 2;
}

function scanEnvironment(text: string, at: number, kind: 'begin' | 'end', push: Push): number {
  const name = argumentOf(text, at);
  const plainName = name.text.replace('*', '');
  if (!matrixEnvironments.has(plainName)) return name.end;
  push(kind, plainName);
  const hasColumns = kind === 'begin' && plainName === 'array' && text[name.end] === '{';
  return hasColumns ? argumentOf(text, name.end).end : name.end;
}

/**
 * Adds the tokens of `\text{…}`: words or numbers. A single letter under `\mathrm` and similar commands stays a letter.
 */
function pushText(
  argument: { readonly text: string; readonly end: number },
  command: string,
  text: string,
  tokens: Token[],
): void {
  const push: Push = (kind, value) => tokens.push({ kind, value });
  const content = layoutEscapes
    .reduce((words, escape) => words.replaceAll(escape, ' '), argument.text)
    .replaceAll(/\\(?:text|mathrm)\s*\{([^{}]*)\}/g, '$1')
    .trim();
  const isAlphabet = command.startsWith('math') || command === 'operatorname';
  if (content === '') return;
  const isUnit =
    isUnitWord(content) && text[argument.end] !== '(' && (followsValue(tokens) || followsUnit(tokens));
  if (isAlphabet && isUnit && content !== 'e' && content !== 'i') return push('word', content);
  if (isAlphabet && functionNames.has(synonyms[content] ?? content))
    return void tokens.push(namedToken(content));
  if (isAlphabet && content.length === 1 && isLetter(content)) {
    if (command === 'mathrm' || command === 'mathit') return push('letter', content);
    return /[a-z]/.test(content) ? push('letter', `bold ${content}`) : push('word', content);
  }
  if (content === ':') return push('symbol', ':');
  if (content === 'to' && followsValue(tokens)) return push('command', 'ratio');
  const bare = content.toLowerCase().replaceAll(',', '').trim();
  if (bare === 'and' || bare === 'or' || bare === '')
    return push(bare === '' ? 'symbol' : 'command', bare === '' ? ',' : bare);
  if (isDigit(content.replace(/^[-$([]+/, '')[0]) && text[argument.end] !== '_') {
    for (const token of tokenize(content)) tokens.push(token);
    return;
  }
  if (isIdeograph(content[0]!)) {
    for (const token of readIdeographs(content, tokens)) tokens.push(token);
    return;
  }
  content.split(',').forEach((part, index) => {
    if (index > 0) push('symbol', ',');
    if (part.trim() !== '') push('word', part.trim());
  });
}

/** Returns the braced argument at `at`, after spaces, or the single character there. */
function argumentOf(text: string, at: number): { readonly text: string; readonly end: number } {
  const start = skipSpaces(text, at);
  if (text[start] !== '{') return { text: text[start] ?? '', end: Math.min(start + 1, text.length) };
  let depth = 0;
  for (let end = start; end < text.length; end++) {
    if (text[end] === '\\') end++;
    else if (text[end] === '{') depth++;
    else if (text[end] === '}' && --depth === 0) return { text: text.slice(start + 1, end), end: end + 1 };
  }
  throw new UnreadableAnswer('a brace is never closed');
}

function skipSpaces(text: string, at: number): number {
  let index = at;
  while (index < text.length && text[index]! <= ' ') index++;
  return index;
}

function lettersEnd(text: string, start: number): number {
  return runEnd(text, start, isLetter);
}

function runEnd(text: string, start: number, belongs: (character: string) => boolean): number {
  let end = start;
  while (end < text.length && belongs(text[end]!)) end++;
  return end;
}

function isLetter(character: string): boolean {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}

function isSpacing(character: string): boolean {
  return character <= ' ' || character === '$' || character === '~' || character === '"' || character === '`';
}

/** Returns whether a character is a letter outside ASCII. */
function isForeignLetter(character: string): boolean {
  return character > '\u007f' && /\p{L}/u.test(character);
}

function isIdeograph(character: string): boolean {
  return (
    character >= '\u2460' &&
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}ー々①-⑳]/u.test(character)
  );
}

function isWestern(character: string): boolean {
  return (
    isLetter(character) || (character > '\u007f' && isForeignLetter(character) && !isIdeograph(character))
  );
}
