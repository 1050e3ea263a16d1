import { isPlainAnswer, readAnswer, type ReadAnswer, readWords } from './answer.ts';
import { extractAnswer } from './extract/extract.ts';

/**
 * Reads a gold answer, which data sets give bare, in dollar signs, boxed, or as a worked solution with a box at its end. Throws `UnreadableAnswer` or `BudgetExceeded`.
 */
export function goldAnswer(gold: string): ReadAnswer {
  if (!gold.includes('\\boxed') && !gold.includes('\\fbox')) return unboxedGold(gold);
  const box = extractAnswer(gold, 'boxed', isPlainAnswer);
  return readAnswer(box?.text ?? unclosedBox(gold));
}

/** The gold itself, or what a long one concludes with ("The final answer is …"), or its words as text. */
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

/** A gold cut off inside its box still says what it was. */
function unclosedBox(gold: string): string {
  const open = gold.lastIndexOf('{', gold.lastIndexOf('boxed') + 'boxed'.length + 1);
  return gold.slice(open + 1);
}
