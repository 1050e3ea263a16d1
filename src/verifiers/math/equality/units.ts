import type { MathNode } from '../syntax.ts';
import type { Judge } from './comparing.ts';

const clockUnits: ReadonlySet<string> = new Set(['am', 'pm']);

/** Units people abbreviate with one letter; in an answer that is otherwise a number they are units. */
const unitLetters: ReadonlySet<string> = new Set('m s g h L J N K W V A C F'.split(' '));

/** Compares answers of which at least one has a unit in words. */
export function compareQuantities(gold: MathNode, answer: MathNode, judge: Judge): string | undefined {
  const [left, right] = [unitOf(gold), unitOf(answer)];
  if (judge.policy.units === 'compare' && left !== right) return undefined;
  if (isHedged(gold) || isHedged(answer)) return undefined;
  if (clockUnits.has(left) && clockUnits.has(right) && left !== right) return undefined;
  const rule = judge.equal(withoutUnit(gold), withoutUnit(answer));
  return rule && `${rule}, units aside`;
}

/** The value of `5 m/s`: factors and divisors that are unit letters dropped from the right. */
export function withoutUnitLetters(node: MathNode): MathNode {
  const isProduct = node.kind === 'multiply' || node.kind === 'divide';
  return isProduct && isUnitLetter(node.right) ? withoutUnitLetters(node.left) : node;
}

function isUnitLetter(node: MathNode): boolean {
  if (node.kind === 'power') return isUnitLetter(node.left) && node.right.kind === 'number';
  return node.kind === 'variable' && unitLetters.has(node.name);
}

/** `5\text{ or 6}` is not five of anything. */
function isHedged(node: MathNode): boolean {
  if (node.kind !== 'quantity') return false;
  const words = node.unit.replaceAll(/\^\d+|^mod \w+/g, '');
  return /\d|\b(?:or|and|not|maybe|either)\b/i.test(words);
}

function unitOf(node: MathNode): string {
  if (node.kind !== 'quantity') return '';
  const letters = node.unit.toLowerCase().replaceAll(/[^a-z0-9^/']/g, '');
  return letters.replace(/s$/, '');
}

function withoutUnit(node: MathNode): MathNode {
  return node.kind === 'quantity' ? node.operand : node;
}
