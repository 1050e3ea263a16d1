import { isSpan } from './equality/literals.ts';
import { isPlainAnswer, readAnswer, type ReadAnswer, readWords } from './answer.ts';
import { BudgetExceeded } from './budget.ts';
import { extractAnswer } from './extract/extract.ts';
import { UnreadableAnswer } from './read/token.ts';

/**
 * Reads a gold answer in the forms that data sets use: bare, in dollar signs, boxed, or as a worked solution with a box
 * at its end. Throws `UnreadableAnswer` or `BudgetExceeded`.
 */
export function goldAnswer(gold: string): ReadAnswer {
  if (!gold.includes('\\boxed') && !gold.includes('\\fbox')) return unboxedGold(gold);
  const box = extractAnswer(gold, 'boxed', isPlainAnswer);
  return readAnswer(box?.text ?? unclosedBox(gold));
}

/**
 * Reads a gold without a box: the entire gold, the conclusion of a long gold ("The final answer is …"), or its words as
 * text.
 */
function unboxedGold(gold: string): ReadAnswer {
  try {
    return readAnswer(gold);
  } catch (error) {
    const marked = extractAnswer(gold, 'marked', isPlainAnswer);
    if (marked !== undefined) return readAnswer(marked.text);
    const words = readWords(gold);
    if (words === undefined) throw error;
    return words;
  }
}

/** Returns the content of a box that is never closed, which is accepted in a gold but not in an answer. */
function unclosedBox(gold: string): string {
  const open = gold.lastIndexOf('{', gold.lastIndexOf('boxed') + 'boxed'.length + 1);
  return gold.slice(open + 1);
}

/**
 * Explains why the reading of a gold is a guess, if it is: a date whose month is unknown, digits that could be a time
 * or a ratio, a range or a difference. Returns undefined for golds with one reading and for unreadable golds.
 */
export function guessedReading(gold: string): string | undefined {
  const read = readOrNothing(gold);
  if (read === undefined) return undefined;
  const { node, otherNumber } = read;
  if (otherNumber !== undefined)
    return 'a comma that could separate two numbers or be part of one; both are accepted';
  if (node.kind === 'ratio') {
    return node.isTime
      ? 'a time or a ratio; it is compared digit for digit and never scaled (write a ratio in lowest terms as 3:4)'
      : undefined;
  }
  if (isSpan(node)) return 'a range, a score or a difference; it is compared end by end and never computed';
  if (node.kind !== 'literal') return undefined;
  if (node.shape === 'date' && node.value.includes('/'))
    return 'a date whose month could be either number; it equals only the same writing (write 2024-05-04)';
  return `a ${nouns[node.shape]}; it is compared as one and never computed`;
}

const nouns = {
  date: 'date',
  time: 'time of day',
  version: 'version or address',
  address: 'network address',
  phone: 'phone number',
  code: 'code of numbers',
} as const;

function readOrNothing(gold: string): ReadAnswer | undefined {
  try {
    return goldAnswer(gold);
  } catch (error) {
    if (error instanceof UnreadableAnswer || error instanceof BudgetExceeded) return undefined;
    throw error;
  }
}
