import type { MathNode, Relation } from '../syntax.ts';

type RelationTree = Extract<MathNode, { kind: 'relation' }>;

/** Returns whether a node is a name for an answer (`x`, `f(x)`, `a_1`). */
export function isName(node: MathNode): boolean {
  if (node.kind === 'variable') return true;
  if (node.kind === 'constant') return node.name === 'i' || node.name === 'e';
  return (
    node.kind === 'call' && node.operands.every((operand) => isName(operand) || operand.kind === 'number')
  );
}

/** Returns whether a node is a denial: "not x". */
function isDenial(node: MathNode): boolean {
  return node.kind === 'text' && /\b(?:not|never|neither|isn't)\b/i.test(node.text);
}

/** Returns whether a side of a relation denies the relation, as in "not x = 5". */
export function isDenied(node: MathNode): boolean {
  return node.kind === 'relation' && node.parts.some(isDenial);
}

/** Returns whether a node consists only of names: `|AB|`, `(p, q)`, `NO/BO`, `S_{MBCN} : S`, `f^{-1}(x)`. */
function isDescription(node: MathNode): boolean {
  switch (node.kind) {
    case 'text':
      return !isDenial(node);
    case 'multiply':
    case 'divide':
      return isDescription(node.left) && isDescription(node.right);
    case 'power':
      return isName(node.left) && node.right.kind === 'negate';
    case 'tuple':
    case 'ratio':
    case 'list':
      return node.items.every(isDescription);
    case 'function':
      return node.name === 'abs' && node.operands.every(isDescription);
    default:
      return isName(node);
  }
}

/**
 * Returns the value that an equation or a membership assigns: the right side of `x = 5`, the set of `x \in S`, the last
 * exact part of `x = 2 + 3 = 5 \approx 5.0`. Returns undefined if the equation itself is the answer, as in
 * `2x + z = 1`.
 */
export function assignedValue(
  node: MathNode,
): { readonly name: MathNode; readonly value: MathNode } | undefined {
  if (node.kind !== 'relation') return undefined;
  const [first, second] = node.parts;
  const last = lastExactPart(node, 1);
  if (node.operators.every(isEquality)) {
    if (isDescription(first!) || node.parts.length > 2) return { name: first!, value: node.parts[last]! };
    return isDescription(second!) ? { name: second!, value: first! } : undefined;
  }
  return node.operators[0] === '\\in' && node.parts.length === 2
    ? { name: first!, value: second! }
    : undefined;
}

/** Returns whether a relation is a chain of only `=` and `≈`. */
export function isEquation(node: MathNode): boolean {
  return node.kind === 'relation' && node.operators.every(isEquality);
}

/** Returns the index of the last part that is not introduced by `≈`, but at least `least`. */
export function lastExactPart(node: RelationTree, least: number): number {
  let last = node.parts.length - 1;
  while (last > least && node.operators[last - 1] === '\\approx') last--;
  return last;
}

function isEquality(operator: Relation): boolean {
  return operator === '=' || operator === '\\approx';
}
