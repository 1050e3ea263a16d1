import type { LiteralNode, MathNode } from '../syntax.ts';
import type { Comparing } from './comparing.ts';

/** Compares answers, at least one of which is a date, time, version, address or phone number. */
export function compareLiterals(gold: MathNode, answer: MathNode): string | undefined {
  if (gold.kind === 'literal' && answer.kind === 'literal')
    return gold.shape === answer.shape && gold.value === answer.value ? `same ${gold.shape}` : undefined;
  const [literal, other] = gold.kind === 'literal' ? [gold, answer] : [answer as LiteralNode, gold];
  if (literal.shape === 'time') return sameTime(literal, other) ? 'same time' : undefined;
  const isSameNumber =
    literal.shape === 'phone' && literal.value.length >= 7 && wholeText(other) === literal.value;
  return isSameNumber ? 'same phone' : undefined;
}

/**
 * Compares times of day: `5:30 pm` is 17:30 on a 24-hour clock; `5 pm` also equals 5, which may answer "at what hour".
 */
function sameTime(time: LiteralNode, other: MathNode): boolean {
  if (other.kind === 'ratio')
    return other.isTime === true && other.items.map(wholeText).join(':') === time.value;
  const hour = /^(\d{1,2})(?!\d|[:.]\d)/.exec(time.written)?.[1];
  return hour !== undefined && wholeText(other) === String(Number(hour));
}

function wholeText(node: MathNode): string | undefined {
  return node.kind === 'number' && node.value.denominator === 1n ? String(node.value.numerator) : undefined;
}

/**
 * Returns whether a node is a difference of two plain numbers such as `5-10`, which in an answer is a calculation, but
 * in a gold is a range or a score.
 */
export function isSpan(node: MathNode): node is MathNode & { kind: 'subtract' } {
  return node.kind === 'subtract' && node.left.kind === 'number' && node.right.kind === 'number';
}

/** Compares two spans, or a span and `5 to 10`, by their ends; never computes the difference. */
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
