import { isDigit, scanNumeral, type CommaReading } from './numerals.ts';
import {
  functionNames,
  hiddenCommands,
  layoutCommands,
  namedSets,
  plainCommands,
  synonyms,
  textCommands,
  unitAbbreviations,
} from './vocabulary.ts';
import { normaliseText } from './normalise.ts';

/**
 * A sign of the answer: a numeral, a single letter, words, a command (without its backslash), an operator or bracket,
 * or the start or end of an environment. Set braces are the commands `{` and `}`; bare braces are symbols.
 */
export interface Token {
  readonly kind: 'number' | 'letter' | 'word' | 'command' | 'symbol' | 'begin' | 'end';
  readonly value: string;
}

/** Signs the grammar has no reading for. */
export class UnreadableAnswer extends Error {}

const matrixEnvironments: ReadonlySet<string> = new Set(
  'pmatrix bmatrix vmatrix Bmatrix Vmatrix matrix smallmatrix array cases'.split(' '),
);

/** Spacing that may stand inside words. */
const layoutEscapes = ['\\,', '\\;', '\\!', '\\ ', '\\$', '~'];

const symbolSpellings = ['**', '<=', '>=', '!=', '==', ':='] as const;
const symbolMeanings: Readonly<Record<string, string>> = { '**': '^', '==': '=', ':=': '=' };
const commandMeanings: Readonly<Record<string, string>> = { '<=': 'le', '>=': 'ge', '!=': 'ne' };
const singleSymbols = "+-*/^_=<>()[]{}|!,;:&%'";
/** Commands whose synonym is an ordinary sign. */
const signs: ReadonlySet<string> = new Set([...singleSymbols].filter((sign) => sign !== '{' && sign !== '}'));

/** Cuts an answer into tokens, dropping layout and dollar signs. Linear; throws `UnreadableAnswer` at an unknown sign. */
export function tokenize(source: string, commas: CommaReading): Token[] {
  const text = normaliseText(source);
  const tokens: Token[] = [];
  let depth = 0;
  let at = 0;
  const push = (kind: Token['kind'], value: string): void => {
    tokens.push({ kind, value });
  };
  while (at < text.length) {
    const character = text[at]!;
    if (character <= ' ' || character === '$' || character === '~' || character === '"' || character === '`')
      at++;
    else if (isDigit(character) || (character === '.' && isDigit(text[at + 1]))) {
      const numeral = scanNumeral(text, at, depth === 0 ? commas : 'separates');
      push('number', numeral.text);
      at = numeral.end;
    } else if (character === '\\') at = scanCommand(text, at, push);
    else if (isLetter(character)) {
      const end = lettersEnd(text, at);
      for (const token of readLetters(text.slice(at, end), tokens.at(-1), text[end])) tokens.push(token);
      at = end;
    } else {
      if ('([{'.includes(character)) depth++;
      if (')]}'.includes(character)) depth--;
      at = scanSymbol(text, at, push);
    }
  }
  return tokens;
}

/** The tokens in one normal spelling, for people to compare by eye. */
export function spell(tokens: readonly Token[]): string {
  return tokens.map((token) => (token.kind === 'command' ? `\\${token.value}` : token.value)).join(' ');
}

type Push = (kind: Token['kind'], value: string) => void;

function scanSymbol(text: string, at: number, push: Push): number {
  const pair = symbolSpellings.find((spelling) => text.startsWith(spelling, at));
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

function scanCommand(text: string, at: number, push: Push): number {
  const end = lettersEnd(text, at + 1);
  if (end === at + 1) return scanEscape(text, at, push);
  const name = text.slice(at + 1, end);
  if (name === 'left' || name === 'right')
    return text[skipSpaces(text, end)] === '.' ? skipSpaces(text, end) + 1 : end;
  if (layoutCommands.has(name)) return end;
  if (hiddenCommands.has(name)) return text[end] === '{' ? argumentOf(text, end).end : end;
  if (name === 'begin' || name === 'end') return scanEnvironment(text, end, name, push);
  if (name !== 'mathbb' && !textCommands.has(name)) {
    pushCommand(name, push);
    return end;
  }
  const argument = argumentOf(text, end);
  if (name === 'mathbb') push('command', namedSets[argument.text] ?? argument.text);
  else pushText(argument, name, text, push);
  return argument.end;
}

function pushCommand(name: string, push: Push): void {
  const meaning = synonyms[name] ?? name;
  push(signs.has(meaning) ? 'symbol' : 'command', meaning);
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

/** Words inside `\text{…}`; single letters under `\mathrm` and the like are letters, numbers are read as numbers. */
function pushText(
  argument: { readonly text: string; readonly end: number },
  command: string,
  text: string,
  push: Push,
): void {
  const content = layoutEscapes
    .reduce((words, escape) => words.replaceAll(escape, ' '), argument.text)
    .trim();
  const isAlphabet = command.startsWith('math') || command === 'operatorname';
  if (content === '') return;
  if (isAlphabet && functionNames.has(synonyms[content] ?? content)) return pushCommand(content, push);
  if (isAlphabet && content.length === 1 && isLetter(content)) {
    if (command === 'mathrm' || command === 'mathit') return push('letter', content);
    return /[a-z]/.test(content) ? push('letter', `bold ${content}`) : push('word', content);
  }
  if (content === ':') return push('symbol', ':');
  const bare = content.toLowerCase().replaceAll(',', '').trim();
  if (bare === 'and' || bare === 'or' || bare === '')
    return push(bare === '' ? 'symbol' : 'command', bare === '' ? ',' : 'and');
  if (isDigit(content.replace(/^[-$([]+/, '')[0]) && text[argument.end] !== '_') {
    for (const token of tokenize(content, 'groups')) push(token.kind, token.value);
    return;
  }
  content.split(',').forEach((part, index) => {
    if (index > 0) push('symbol', ',');
    if (part.trim() !== '') push('word', part.trim());
  });
}

/** A run of letters: words, function names, units, or a product of one-letter variables. */
function readLetters(run: string, before: Token | undefined, after: string | undefined): readonly Token[] {
  if (plainCommands.has(run) && !(run === 'in' || run === 'arg')) return [namedToken(run)];
  const isAfterValue = before !== undefined && (before.kind === 'number' || isCloser(before));
  if (isAfterValue && unitAbbreviations.has(run)) return [{ kind: 'word', value: run }];
  const conjunction = isAfterValue ? /^(?:or|and)(?=[A-Za-z]$)/.exec(run)?.[0] : undefined;
  if (conjunction !== undefined)
    return [
      { kind: 'command', value: 'and' },
      { kind: 'letter', value: run.at(-1)! },
    ];
  const embedded = functionInside(run);
  if (embedded) return embedded;
  if (isWord(run, after)) return [{ kind: 'word', value: run }];
  return [...run].map((letter) => ({ kind: 'letter', value: letter }));
}

/** `xsinx`, `cosx`, `2lnx`: a function name with at most one letter on each side. */
function functionInside(run: string): Token[] | undefined {
  if (run.length < 3 || run.length > 9) return undefined;
  for (const prefix of [0, 1]) {
    for (const suffix of [0, 1]) {
      const name = run.slice(prefix, run.length - suffix);
      if (!functionNames.has(name) || name === 'Re' || name === 'Im' || name === 'arg' || name === 'det')
        continue;
      const around = (letters: string): Token[] =>
        [...letters].map((letter) => ({ kind: 'letter', value: letter }));
      return [...around(run.slice(0, prefix)), namedToken(name), ...around(run.slice(run.length - suffix))];
    }
  }
  return undefined;
}

/**
 * Words have three letters or more and a vowel that formulas rarely multiply by, or capitals.
 * A run that is raised, indexed or applied is a product: `axe^x`.
 */
function isWord(run: string, after: string | undefined): boolean {
  if (run.length < 3 || after === '^' || after === '_' || after === '(') return false;
  if (run.length > 3) return /[eiou]/.test(run) || /[A-Z]/.test(run);
  return /[eiou]/.test(run.slice(1)) || /^[A-Z][a-z]+$/.test(run);
}

function namedToken(name: string): Token {
  const meaning = synonyms[name] ?? name;
  return { kind: signs.has(meaning) ? 'symbol' : 'command', value: meaning };
}

function isCloser(token: Token): boolean {
  return token.kind === 'symbol' && (token.value === ')' || token.value === '}' || token.value === '%');
}

/** The braced argument at `at` (spaces skipped), or the single character there. */
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
  let end = start;
  while (end < text.length && isLetter(text[end]!)) end++;
  return end;
}

function isLetter(character: string): boolean {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}
