import type { MathNode } from '../syntax.ts';

/**
 * Returns the multiple-choice letter of an answer, if it is one: `C`, `(C)`, `\text{Option C}`. Lower-case letters are
 * variables, so they count only in comparison with a capital (`sameChoice`).
 */
export function choiceLetter(node: MathNode): string | undefined {
  const letters = optionOf(node);
  return letters !== undefined && /^[A-Z]$/.test(letters) ? letters : undefined;
}

/** Returns whether two answers choose the same letter; one of them must be a capital. */
export function sameChoice(gold: MathNode, answer: MathNode): boolean {
  const letter = choiceLetter(gold) ?? choiceLetter(answer);
  if (letter === undefined || letter > 'J') return false;
  return optionOf(gold)?.toUpperCase() === letter && optionOf(answer)?.toUpperCase() === letter;
}

/** Returns the choice at the start of an answer that repeats the option's text: `B) 12`, `(B) twelve`, `B. 12`. */
export function leadingChoice(answer: string): string | undefined {
  const bare = answer.replaceAll(/[\\{}$]|text(?:bf|rm|it)?|math(?:bf|rm)|boxed/g, '').trim();
  return /^\(?([A-J])(?:\)|\.|:)(?=\s|$)/.exec(bare)?.[1];
}

/** Returns whether two answers consist of the same words, apart from case, spacing and punctuation. */
export function sameWords(gold: MathNode, answer: MathNode): boolean {
  const [left, right] = [foldedWords(gold), foldedWords(answer)];
  return left !== undefined && left === right && left !== '';
}

/** Returns whether a node is the symbol ∅; `sameWords` treats "no solution" as equal to it. */
export function isEmptySet(node: MathNode): boolean {
  return node.kind === 'constant' && node.name === 'emptyset';
}

/** Groups of words with the same meaning, and the word that represents each group. */
const meanings: readonly (readonly [RegExp, string])[] = [
  [/^(?:no(?:real)?solutions?(?:exists?)?|(?:the)?emptyset|(?:原?方程)?无(?:实数)?解|空集)$/, '∅'],
  [/^(?:dne|(?:the)?(?:limit)?doesnotexist)$/, 'dne'],
];

function foldedWords(node: MathNode): string | undefined {
  if (isEmptySet(node)) return '∅';
  const letters = lettersOf(node);
  if (letters === undefined) return undefined;
  const folded = fold(letters);
  return meanings.find(([words]) => words.test(folded))?.[1] ?? folded;
}

function optionOf(node: MathNode): string | undefined {
  return lettersOf(node)?.replace(/^(?:choice|option)/i, '');
}

/**
 * Returns the words of a text, or the letters of a product of variables, which may in fact be words: `May`, `no
 * solution`.
 */
function lettersOf(node: MathNode): string | undefined {
  if (node.kind === 'text') return node.text.replaceAll(/[()\s]|\.(?!\d)/g, '');
  if (node.kind === 'variable') return node.name;
  if (node.kind === 'constant' && node.name.length === 1) return node.name;
  if (node.kind === 'quantity') {
    const letters = lettersOf(node.operand);
    return letters === undefined ? undefined : letters + node.unit;
  }
  if (node.kind !== 'multiply') return undefined;
  const [left, right] = [lettersOf(node.left), lettersOf(node.right)];
  return left === undefined || right === undefined ? undefined : left + right;
}

/** Joins letters, but keeps numbers intact and separate, so that "5 - 3" and "53" differ. */
function fold(words: string): string {
  return words
    .toLowerCase()
    .replaceAll(/-?\d+(?:[.,:/]\d+)*|[^\p{L}]+?/gu, (part) => (/\d/.test(part) ? `<${part}>` : ''));
}
