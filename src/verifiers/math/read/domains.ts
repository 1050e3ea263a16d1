import { type MathNode, sameTree } from '../syntax.ts';

type Relation = Extract<MathNode, { kind: 'relation' }>;

/**
 * Returns whether a node is a domain: `k \in \mathbb{Z}` next to an answer restricts the values of k and is not part of
 * the answer.
 */
export function isDomain(node: MathNode): node is Relation {
  const set = node.kind === 'relation' && node.operators[0] === '\\in' ? node.parts[1] : undefined;
  return set?.kind === 'constant';
}

/**
 * Adds the domain of the unknown itself to its bounds: `1 \le x \le 3` with `x \in \mathbb{Z}` is not an interval.
 * Returns equations, and claims with a parameter (`x = 2k\pi` with `k \in \mathbb{Z}`), unchanged.
 */
export function withinDomain(claims: MathNode, domain: MathNode): MathNode {
  if (!isDomain(domain)) return claims;
  const [name, set] = [domain.parts[0]!, domain.parts[1]!];
  if (set.kind === 'constant' && set.name === 'reals') return claims;
  const items = claims.kind === 'list' ? claims.items : [claims];
  return items.some((item) => bounds(item, name))
    ? { kind: 'setOperation', operator: '\\cap', left: claims, right: set }
    : claims;
}

const boundingOperators: ReadonlySet<string> = new Set(['<', '>', '\\le', '\\ge']);

function bounds(node: MathNode, name: MathNode): boolean {
  return (
    node.kind === 'relation' &&
    node.operators.some((operator) => boundingOperators.has(operator)) &&
    node.parts.some((part) => sameTree(part, name))
  );
}
