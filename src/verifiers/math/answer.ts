import { type Budget, BudgetExceeded, createBudget } from './budget.ts';
import { exactValue } from './value/exact.ts';
import { compareAnswers } from './equality/compare.ts';
import { maxAnswer } from './extract/extract.ts';
import { wholeLiteral } from './read/literals.ts';
import { normaliseText } from './read/normalise.ts';
import { numberFromNumeral } from './read/numerals.ts';
import { parseAnswer } from './read/parse.ts';
import type { MathPolicy } from './comparison-policy.ts';
import type { MathNode } from './syntax.ts';
import { spell, tokenize } from './read/tokens.ts';
import { type Token, UnreadableAnswer } from './read/token.ts';
import { wordedValue } from './read/worded-values.ts';
import { lowestTerms, type Rational } from './value/rational.ts';
import { choiceLetter, leadingChoice, sameWords } from './equality/words.ts';

/** Maximum number of steps per verdict, about a hundred times as many as the longest honest answer needs. */
const maxSteps = 150_000;

/** A parsed answer. */
export interface ReadAnswer {
  readonly source: string;
  /** The tokens of the answer in one normal spelling, for display. */
  readonly normalised: string;
  readonly node: MathNode;
  /**
   * A second reading of the answer's commas: `1,22` as 1.22 and `12,34,567` as 1234567. It is compared only with
   * answers without ambiguous commas.
   */
  readonly otherNumber?: MathNode;
}

/** Result of comparing two answers: whether they are equal, and the rule that decided. */
export interface Comparison {
  readonly isEqual: boolean;
  readonly rule: string;
}

/** Parses an answer. Throws `UnreadableAnswer` with the reason, or `BudgetExceeded`. */
export function readAnswer(source: string, budget: Budget = createBudget(maxSteps)): ReadAnswer {
  if (source.length > maxAnswer) throw new UnreadableAnswer(`longer than ${maxAnswer} characters`);
  const plain = plainNumber.exec(source);
  if (plain !== null) return readPlainNumber(source, plain[1]!, plain[2]!);
  const text = normaliseText(source);
  const literal = wholeLiteral(text);
  if (literal) return { source, normalised: literal.written, node: literal };
  const words = plainWords(text);
  if (words !== undefined && wordedValue(words) !== undefined)
    return { source, normalised: words, node: { kind: 'text', text: words } };
  const tokens = tokenize(text);
  const node = parseNamed(text, tokens, budget);
  const oneNumber = text.includes(',') ? asOneNumber(text) : undefined;
  const otherNumber = oneNumber && parseAnswer(tokenize(oneNumber), budget);
  return { source, normalised: spell(tokens), node, ...(otherNumber && { otherNumber }) };
}

/** Matches digits with an optional sign and point, as in most answers. No rule would read such a number differently. */
const plainNumber = /^(-?)(\d{1,30}(?:\.\d{1,30})?)$/;

function readPlainNumber(source: string, sign: string, digits: string): ReadAnswer {
  const number = numberFromNumeral(digits)!;
  if (sign === '') return { source, normalised: digits, node: number };
  return { source, normalised: `- ${digits}`, node: { kind: 'negate', operand: number } };
}

/**
 * Returns the words of a text that consists of plain words, if it contains "and", "half" or "a"; the "and" of "two and
 * a half million" is not a conjunction.
 */
function plainWords(text: string): string | undefined {
  if (text.length > 100 || !/\b(?:and|half|an?)\b/i.test(text)) return undefined;
  const words = /^\\text\s*\{([^{}]*)\}$/.exec(text)?.[1] ?? text;
  return /^[A-Za-z -]{3,80}$/.test(words) ? words.trim() : undefined;
}

/**
 * Parses an answer. If the left side of its only `=` cannot be read (`P(A \mid B) = \frac12`), treats that side as a
 * name for the value on the right.
 */
function parseNamed(text: string, tokens: readonly Token[], budget: Budget): MathNode {
  try {
    return parseAnswer(tokens, budget);
  } catch (error) {
    const [, name, value] = /^([^=<>,;]{1,60}[^=<>,;:!\\])=([^=<>]+)$/.exec(text) ?? [];
    if (!(error instanceof UnreadableAnswer) || name === undefined || noName.test(name)) throw error;
    const parts: MathNode[] = [{ kind: 'text', text: name.trim() }, parseAnswer(tokenize(value!), budget)];
    return { kind: 'relation', parts, operators: ['='] };
  }
}

/** Matches relations and conjunctions, with which the left side makes a claim instead of naming a value. */
const noName =
  /\\(?:not|neq?|leq?|geq?|lt|gt|approx|pm|mp|to|in|notin|cup|cap)(?![a-z])|\b(?:not|or|and|if|than)\b|(?:^|[^{(_^\d])\d/;

/**
 * Reads a comma that cannot group thousands as a decimal mark: before one or two digits, after a leading zero, or after
 * more than three digits. Three digits after a comma always form a group, so `58,500` is never 58.5.
 */
function asOneNumber(text: string): string | undefined {
  if (decimalCommaNumber.test(text)) return text.replace(',', '.');
  return lakhGroups.test(text) ? text.replaceAll(',', '') : undefined;
}

const decimalCommaNumber = /^[+-]?(?:\d+,\d{1,2}|0,\d+|\d{4,},\d+)(?:\\text\{ [^{}]*\})?$/;
/** Matches groups of two digits after the first group, as in India; `12,34,567` could also list three numbers. */
const lakhGroups = /^[+-]?\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?(?:\\text\{ [^{}]*\})?$/;

/**
 * Reads words that are not mathematics ("5 out of 8 people", "increasing on [0, 1]") as a string, which is compared
 * letter by letter. Returns undefined for text with hardly any words, or with unreadable TeX.
 */
export function readWords(source: string): ReadAnswer | undefined {
  const text = source
    .replaceAll(/\\(?:text(?:bf|rm|it)?|mathrm|mbox)\s*\{([^{}]*)\}/g, '$1')
    .replaceAll(/\$|\\[ ,;()[\]]/g, ' ')
    .trim();
  if (text.length > maxAnswer || /[\\{}]/.test(text) || !/\p{L}{3}|\p{Script=Han}{2}/u.test(text))
    return undefined;
  return { source, normalised: text, node: { kind: 'text', text } };
}

/** Returns whether an unreadable text contains the same words as a gold in words. */
export function saysSameWords(gold: ReadAnswer, text: string): boolean {
  const answer = gold.node.kind === 'text' ? readWords(text) : undefined;
  return answer !== undefined && sameWords(gold.node, answer.node);
}

/**
 * Reads a text that consists only of an answer. Returns undefined if the text cannot be read or is a sentence: many
 * words, or a word before a fenced formula, indicate prose that contains an answer.
 */
export function readPlainAnswer(text: string): ReadAnswer | undefined {
  const opensWithWord = /^[\s*:"]*(?:[A-Za-z] )?[A-Za-z]{2,}/.test(text);
  if (opensWithWord && /\$|\\[([]/.test(text)) return undefined;
  if (countWords(text) > (opensWithWord ? 2 : 3) || chineseSentence.test(text)) return undefined;
  try {
    return readAnswer(text);
  } catch (error) {
    if (error instanceof UnreadableAnswer || error instanceof BudgetExceeded) return undefined;
    throw error;
  }
}

/** Returns whether a text consists only of an answer. */
export function isPlainAnswer(text: string): boolean {
  return readPlainAnswer(text) !== undefined;
}

/** Matches Chinese, Korean or Japanese words before a number: `一共有42个苹果`, but not `第一象限`. */
const chineseSentence =
  /^[\s(（]*[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}][^\d]*\d/u;

/** Compares an answer with the gold. Throws `BudgetExceeded` if that takes too many steps. */
export function compareRead(gold: ReadAnswer, answer: ReadAnswer, policy: MathPolicy): Comparison {
  const budget = createBudget(maxSteps);
  for (const left of readingsAgainst(gold, answer)) {
    for (const right of readingsAgainst(answer, gold)) {
      const rule = compareAnswers(left, right, policy, budget);
      if (rule !== undefined) return { isEqual: true, rule };
    }
  }
  if (namesChoice(gold, answer.source)) return { isEqual: true, rule: 'same choice' };
  return { isEqual: false, rule: 'no rule makes them equal' };
}

/** Larger values are left out of the verdict. */
const longValue = 10n ** 40n;

/**
 * Returns the exact value of an answer as a string (`1/2`, `-2`), which identifies equal answers to one problem.
 * Returns undefined if there is no single exact value, if commas have two readings, or if the value is very large.
 */
export function exactText({ node, otherNumber }: ReadAnswer): string | undefined {
  if (otherNumber !== undefined) return undefined;
  const value = exactWithin(solvedFor(node), createBudget(maxSteps));
  if (value === undefined) return undefined;
  const isLong = [value.numerator, -value.numerator, value.denominator].some((part) => part >= longValue);
  if (isLong) return undefined;
  if (value.denominator === 1n) return String(value.numerator);
  const { numerator, denominator } = lowestTerms(value);
  return denominator === 1n ? String(numerator) : `${numerator}/${denominator}`;
}

/** Returns the value that an equation assigns, such as 5 for `x = 5`; returns other nodes unchanged. */
function solvedFor(node: MathNode): MathNode {
  if (node.kind !== 'relation' || node.operators.length !== 1 || node.operators[0] !== '=') return node;
  return node.parts[0]!.kind === 'variable' ? node.parts[1]! : node;
}

function exactWithin(node: MathNode, budget: Budget): Rational | undefined {
  try {
    return exactValue(node, new Map(), budget);
  } catch (error) {
    if (error instanceof BudgetExceeded) return undefined;
    throw error;
  }
}

/** Counts words of at least two letters, without commands and conjunctions. */
function countWords(text: string): number {
  const words = text.match(/(?<![\\A-Za-z])[A-Za-z]{2,}/g) ?? [];
  return words.filter((word) => word !== 'and' && word !== 'or').length;
}

/** Returns whether a text begins with the letter that is the gold, as `B) 12` does for the gold B. */
export function namesChoice(gold: ReadAnswer, text: string): boolean {
  const choice = choiceLetter(gold.node);
  return choice !== undefined && leadingChoice(text) === choice;
}

function readingsAgainst(own: ReadAnswer, other: ReadAnswer): readonly MathNode[] {
  return own.otherNumber && !other.otherNumber ? [own.node, own.otherNumber] : [own.node];
}
