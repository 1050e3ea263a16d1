import type { LiteralNode, MathNode } from '../syntax.ts';
import type { Comparing } from './comparing.ts';

/** Compares answers of which at least one is a date, time, version, address or phone number. */
export function compareLiterals(gold: MathNode, answer: MathNode): string | undefined {
  if (gold.kind === 'literal' && answer.kind === 'literal')
    return gold.shape === answer.shape && gold.value === answer.value ? `same ${gold.shape}` : undefined;
  const [literal, other] = gold.kind === 'literal' ? [gold, answer] : [answer as LiteralNode, gold];
  if (literal.shape === 'time') return sameTime(literal, other) ? 'same time' : undefined;
  const isSameNumber =
    literal.shape === 'phone' && literal.value.length >= 7 && wholeText(other) === literal.value;
  return isSameNumber ? 'same phone' : undefined;
}

/** `5:30 pm` is 17:30, as a 24-hour clock reads it; `5 pm` is also the 5 of "at what hour". */
function sameTime(time: LiteralNode, other: MathNode): boolean {
  if (other.kind === 'ratio')
    return other.isTime === true && other.items.map(wholeText).join(':') === time.value;
  const hour = /^(\d{1,2})(?!\d|[:.]\d)/.exec(time.written)?.[1];
  return hour !== undefined && wholeText(other) === String(Number(hour));
}

function wholeText(node: MathNode): string | undefined {
  return node.kind === 'number' && node.value.denominator === 1n ? String(node.value.numerator) : undefined;
}

/** A difference of two plain numbers is a calculation in an answer and a range or a score in a gold: `5-10`. */
export function isSpan(node: MathNode): node is MathNode & { kind: 'subtract' } {
  return node.kind === 'subtract' && node.left.kind === 'number' && node.right.kind === 'number';
}

/** Two spans, or a span and `5 to 10`, are the same when their ends are; they are never computed. */
export function compareSpans(gold: MathNode, answer: MathNode, comparing: Comparing): string | undefined {
  const [left, right] = [endsOf(gold), endsOf(answer)];
  if (left.length !== 2 || right.length !== 2) return undefined;
  const isSame = left.every((end, index) => comparing.equal(end, right[index]!) !== undefined);
  return isSame ? 'same range' : undefined;
}

function endsOf(node: MathNode): readonly MathNode[] {
  if (node.kind === 'ratio') return node.items;
  return isSpan(node) ? [node.left, node.right] : [];
}
