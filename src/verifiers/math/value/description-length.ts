import { type MathNode, someNode } from '../syntax.ts';
import { bitLength } from './big-float.ts';

/** Number of bits that describe a node, apart from its numbers. */
const bitsPerNode = 2;
/** Maximum sum of the exponents in a simple expression. */
const maxExponents = 8n;
/** Number of bits that doubles can distinguish, minus a few for rounding. */
const doubleBits = 48;

/**
 * Returns whether two expressions of roots, π, e and arithmetic are too short to agree in 48 bits by accident: n bits
 * describe 2^n values. High powers can create near misses in short expressions, such as (1+√2)^40.
 */
export function agreeOnlyIfEqual(a: MathNode, b: MathNode): boolean {
  let bits = 0;
  let exponents = 0n;
  const isComplicated = (node: MathNode): boolean => {
    bits += bitsPerNode;
    switch (node.kind) {
      case 'number':
        bits += bitLength(node.value.numerator) + bitLength(node.value.denominator) - 1;
        return bits > doubleBits;
      case 'power': {
        const exponent = node.right.kind === 'divide' ? node.right.left : node.right;
        if (exponent.kind !== 'number') return true;
        exponents += exponent.value.numerator;
        return exponents > maxExponents;
      }
      case 'function':
        return node.name !== 'root';
      case 'constant':
      case 'negate':
      case 'add':
      case 'subtract':
      case 'multiply':
      case 'divide':
        return bits > doubleBits;
      default:
        return true;
    }
  };
  return !someNode(a, isComplicated) && !someNode(b, isComplicated);
}
