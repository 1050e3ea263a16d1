import { mapChildren, type MathNode } from '../syntax.ts';

/** Renames the variables of an answer in order of appearance, so that f(x) and f(y) become the same. */
export function renameVariables(node: MathNode): MathNode {
  const names = new Map<string, string>();
  const rename = (child: MathNode): MathNode => {
    if (child.kind === 'variable') {
      if (!names.has(child.name)) names.set(child.name, `x_${names.size}`);
      return { kind: 'variable', name: names.get(child.name)! };
    }
    return mapChildren(child, rename);
  };
  return rename(node);
}
