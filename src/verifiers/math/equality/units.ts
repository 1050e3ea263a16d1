import { binary } from '../read/build.ts';
import { wholeNode } from '../read/numerals.ts';
import { scaleOf } from '../read/number-words.ts';
import type { MathNode } from '../syntax.ts';
import { isSameKind, parseUnit, type Unit } from '../units.ts';
import { exactValue } from '../value/exact.ts';
import { sameRational } from '../value/rational.ts';
import type { Comparing } from './comparing.ts';
import { hasVariables } from './probes.ts';

/** Letters that abbreviate units. They count as units only in an answer that is otherwise a number. */
const unitLetters: ReadonlySet<string> = new Set('m s g h L J N W V A C F'.split(' '));

/** Pairs of words that exclude each other. */
const opposites: readonly (readonly [string, string])[] = [
  ['north', 'south'],
  ['east', 'west'],
  ['left', 'right'],
  ['up', 'down'],
  ['clockwise', 'counterclockwise'],
  ['profit', 'loss'],
  ['gain', 'loss'],
  ['more', 'fewer'],
  ['more', 'less'],
  ['increase', 'decrease'],
  ['odd', 'even'],
];

/**
 * Compares answers, at least one of which has a unit in words. If both units are in the table, they must measure the
 * same quantity and are converted: 5 km is 5000 m. If a word is not a unit, or one answer has no unit, compares only
 * the values.
 */
export function compareQuantities(
  gold: MathNode,
  answer: MathNode,
  comparing: Comparing,
): string | undefined {
  if (isHedged(gold) || isHedged(answer)) return undefined;
  const [left, right] = [unitOf(gold), unitOf(answer)];
  const [value, other] = [withoutUnit(gold), withoutUnit(answer)];
  if (areOpposite(left, right) || (value.kind === 'ratio') !== (other.kind === 'ratio')) return undefined;
  const [goldUnit, unit] = [parseUnit(meant(left, right)), parseUnit(meant(right, left))];
  if (goldUnit && unit) return compareKnown(value, goldUnit, other, unit, comparing);
  if (comparing.policy.units === 'compare' && plain(left) !== plain(right)) return undefined;
  const rule = comparing.equal(value, other);
  return rule && `${rule}, units aside`;
}

/**
 * Compares quantities such as `120 J/s` and `120 W`, whose units are letters in the table and measure the same
 * quantity.
 */
export function compareUnitLetters(
  gold: MathNode,
  answer: MathNode,
  comparing: Comparing,
): string | undefined {
  const [goldUnit, unit] = [parseUnit(unitOf(gold)), parseUnit(unitOf(answer))];
  return goldUnit && unit && compareKnown(withoutUnit(gold), goldUnit, withoutUnit(answer), unit, comparing);
}

/** Resolves an ambiguous unit by the other one: a pound compared with £ is money, and ¥ compared with 元 is yuan. */
function meant(unit: string, other: string): string {
  if (/^pounds?$/i.test(unit) && other === 'GBP') return other;
  return unit === '¥' && /^(?:元|yuan|CNY|RMB)$/i.test(other) ? other : unit;
}

function compareKnown(
  gold: MathNode,
  goldUnit: Unit,
  answer: MathNode,
  unit: Unit,
  comparing: Comparing,
): string | undefined {
  if (!isSameKind(goldUnit, unit)) return undefined;
  const [numerator, denominator] = [goldUnit.factor[0] * unit.factor[1], goldUnit.factor[1] * unit.factor[0]];
  if (numerator === denominator) {
    const rule = comparing.equal(gold, answer);
    return rule && `${rule}, same unit`;
  }
  const factor = binary('divide', wholeNode(numerator), wholeNode(denominator));
  const a = exactValue(binary('multiply', gold, factor), new Map(), comparing.budget);
  const b = exactValue(answer, new Map(), comparing.budget);
  return a && b && sameRational(a, b) ? 'same value in another unit' : undefined;
}

/** Returns the value of `5 m/s`: drops factors and divisors that are unit letters, from the right. */
export function withoutUnitLetters(node: MathNode): MathNode {
  const isProduct = node.kind === 'multiply' || node.kind === 'divide';
  return isProduct && isUnitLetter(node.right) ? withoutUnitLetters(node.left) : node;
}

function isUnitLetter(node: MathNode): boolean {
  if (node.kind === 'power') return isUnitLetter(node.left) && exponentOf(node.right) !== '';
  return node.kind === 'variable' && unitLetters.has(node.name);
}

const hedges =
  /\d|\b(?:or|and|not|maybe|either|neither|nor|than|least|most|over|under|above|below|between|except|without|squared|cubed|plus|minus|remainder|r|bc|bce|half|short|away|wrong|incorrect|false|cannot|if|unless|provided|depending|integers? [a-z])\b|以上|以下|以内|以外|不到|多于|少于/i;

/** Returns whether a unit is a hedge: neither `5\text{ or 6}` nor "5 below zero" is a quantity of 5. */
function isHedged(node: MathNode): boolean {
  if (node.kind !== 'quantity') return false;
  const words = node.unit.replaceAll(/\^\{?-?\d+\}?|^mod \w+|(?<=[a-z] )(?:squared|cubed)\b/g, '');
  return hedges.test(words) || words.split(' ').some((word) => scaleOf(word) !== undefined);
}

function areOpposite(left: string, right: string): boolean {
  if (left === '' || right === '') return false;
  const [a, b] = [left.toLowerCase().split(' '), right.toLowerCase().split(' ')];
  return opposites.some(
    ([one, two]) => (a.includes(one) && b.includes(two)) || (a.includes(two) && b.includes(one)),
  );
}

function unitOf(node: MathNode): string {
  if (node.kind === 'quantity') return node.unit;
  const rest = withoutUnitLetters(node);
  return rest === node || hasVariables(rest) ? '' : lettersOf(node, rest);
}

/** Returns the letters that `withoutUnitLetters` drops, as a unit: `m / s^2`. */
function lettersOf(node: MathNode, rest: MathNode): string {
  if (node === rest || (node.kind !== 'multiply' && node.kind !== 'divide')) return '';
  const { right } = node;
  const power = right.kind === 'power' ? `^${exponentOf(right.right)}` : '';
  const base = right.kind === 'power' ? right.left : right;
  const letter = base.kind === 'variable' ? base.name : '';
  return `${lettersOf(node.left, rest)} ${node.kind === 'divide' ? '/ ' : ''}${letter}${power}`.trim();
}

/** Returns a whole exponent as written; an empty string for other nodes. */
function exponentOf(node: MathNode): string {
  if (node.kind === 'negate') return exponentOf(node.operand).replace(/^(?=\d)/, '-');
  return node.kind === 'number' && node.value.denominator === 1n ? String(node.value.numerator) : '';
}

function plain(unit: string): string {
  return unit
    .toLowerCase()
    .replaceAll(/[^\p{L}\d^/']/gu, '')
    .replace(/s$/, '');
}

function withoutUnit(node: MathNode): MathNode {
  if (node.kind === 'quantity') return node.operand;
  return unitOf(node) === '' ? node : withoutUnitLetters(node);
}
