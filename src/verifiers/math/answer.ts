import { type Budget, BudgetExceeded, createBudget } from './budget.ts';
import { exactValue } from './value/exact.ts';
import { compareAnswers } from './equality/compare.ts';
import { maxAnswer } from './extract/extract.ts';
import type { CommaReading } from './read/numerals.ts';
import { parseAnswer } from './read/parse.ts';
import type { MathPolicy } from './policy.ts';
import type { MathNode } from './syntax.ts';
import { spell, tokenize, UnreadableAnswer } from './read/tokens.ts';
import { lowestTerms, type Rational } from './value/rational.ts';
import { choiceLetter, leadingChoice } from './equality/words.ts';

/** Steps one judgement may cost, about a hundred times what the longest honest answer needs. */
const maxSteps = 150_000;

/** An answer that was understood, in every way it can be read. */
export interface ReadAnswer {
  readonly source: string;
  /** The tokens in normal spelling, for people. */
  readonly normalised: string;
  /** One tree, or two where a comma may group thousands or separate items. */
  readonly readings: readonly MathNode[];
  /** `1,22` read as 1.22: only ever compared with an answer that has no such comma. */
  readonly decimalComma?: MathNode;
}

/** Two answers compared: whether they are equal, and the rule that decided. */
export interface Comparison {
  readonly isEqual: boolean;
  readonly rule: string;
}

/** Understands an answer. Throws `UnreadableAnswer` with the reason, or `BudgetExceeded`. */
export function readAnswer(source: string, budget: Budget = createBudget(maxSteps)): ReadAnswer {
  if (source.length > maxAnswer) throw new UnreadableAnswer(`longer than ${maxAnswer} characters`);
  const tokens = tokenize(source, 'groups');
  const readings = [parseAnswer(tokens, budget)];
  if (/\d[, ]\d{3}/.test(source)) addReading(readings, source, 'separates', budget);
  const isDecimalComma = /^\$?[+-]?\d+,\d+\$?$/.test(source);
  const decimalComma = isDecimalComma && parseAnswer(tokenize(source.replace(',', '.'), 'groups'), budget);
  return { source, normalised: spell(tokens), readings, ...(decimalComma && { decimalComma }) };
}

/**
 * Is this text an answer and nothing else? Readable, and not a sentence: many words, or a word before a fenced
 * formula, are prose with an answer somewhere in it.
 */
export function isPlainAnswer(text: string): boolean {
  const opensWithWord = /^[\s*:"]*(?:[A-Za-z] )?[A-Za-z]{2,}/.test(text);
  if (opensWithWord && /\$|\\[([]/.test(text)) return false;
  if (countWords(text) > (opensWithWord ? 2 : 3)) return false;
  try {
    readAnswer(text);
    return true;
  } catch (error) {
    if (error instanceof UnreadableAnswer || error instanceof BudgetExceeded) return false;
    throw error;
  }
}

/** Compares an answer with the gold, reading by reading. Throws `BudgetExceeded`. */
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

/** Longer values are not worth carrying in a verdict. */
const longValue = 10n ** 40n;

/**
 * The one exact value of an answer as text (`1/2`, `-2`), by which equal answers to one problem are recognised; nothing
 * where it has none, has several readings, or is long.
 */
export function exactText({ readings, decimalComma }: ReadAnswer): string | undefined {
  if (readings.length !== 1 || decimalComma !== undefined) return undefined;
  const value = exactWithin(solvedFor(readings[0]!), createBudget(maxSteps));
  if (value === undefined) return undefined;
  const isLong = [value.numerator, -value.numerator, value.denominator].some((part) => part >= longValue);
  if (isLong) return undefined;
  const { numerator, denominator } = lowestTerms(value);
  return denominator === 1n ? String(numerator) : `${numerator}/${denominator}`;
}

/** `x = 5` says 5. */
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

/** Words of two letters or more; commands are not words, and conjunctions are free. */
function countWords(text: string): number {
  const words = text.match(/(?<![\\A-Za-z])[A-Za-z]{2,}/g) ?? [];
  return words.filter((word) => word !== 'and' && word !== 'or').length;
}

/** Does this text open with the letter that is the gold, as `B) 12` does with B? */
export function namesChoice(gold: ReadAnswer, text: string): boolean {
  const choice = choiceLetter(gold.readings[0]!);
  return choice !== undefined && leadingChoice(text) === choice;
}

function readingsAgainst(own: ReadAnswer, other: ReadAnswer): readonly MathNode[] {
  return own.decimalComma && !other.decimalComma ? [...own.readings, own.decimalComma] : own.readings;
}

function addReading(readings: MathNode[], source: string, commas: CommaReading, budget: Budget): void {
  try {
    readings.push(parseAnswer(tokenize(source, commas), budget));
  } catch (error) {
    if (!(error instanceof UnreadableAnswer)) throw error;
  }
}
