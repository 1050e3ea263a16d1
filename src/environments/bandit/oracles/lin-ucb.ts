import { argmax, type Pull } from '../tally.ts';
import type { ArmIndex, Oracle } from './oracle.ts';

/** Factor of the bonus, as in EVOLvE (arXiv 2410.06238). */
const exploration = 0.5;

/** Ridge regression of one arm's rewards on the features. */
interface ArmRegression {
  /** (I + Σ x xᵀ)⁻¹, updated by Sherman–Morrison. */
  readonly inverse: Float64Array[];
  /** Σ reward · x. */
  readonly weighted: Float64Array;
}

/** LinUCB with separate arms, and its indices for a context. */
export interface LinUcb extends Oracle {
  indices(context: readonly number[]): ArmIndex[];
}

/**
 * Creates LinUCB with a ridge regression per arm (Li et al. 2010, arXiv 1003.0146, algorithm 1):
 *
 *     A = I + Σ x xᵀ,   b = Σ r x,   value = (A⁻¹ b)ᵀ x,   bonus = α √(xᵀ A⁻¹ x),   α = 0.5
 */
export function createLinUcb(arms: number, features: number): LinUcb {
  const regressions = Array.from({ length: arms }, () => emptyRegression(features));
  const indices = (context: readonly number[]): ArmIndex[] =>
    regressions.map(({ inverse, weighted }) => {
      const scaled = multiply(inverse, context);
      return { value: dot(scaled, weighted), bonus: exploration * Math.sqrt(dot(scaled, context)) };
    });
  return {
    indices,
    choose: (context) => argmax(indices(context!).map(({ value, bonus }) => value + bonus)),
    observe: (pull) => update(regressions[pull.arm]!, pull),
  };
}

const emptyRegression = (features: number): ArmRegression => ({
  inverse: Array.from({ length: features }, (_, i) =>
    Float64Array.from({ length: features }, (_value, j) => Number(i === j)),
  ),
  weighted: new Float64Array(features),
});

function update({ inverse, weighted }: ArmRegression, { reward, context }: Pull): void {
  const x = context!;
  const scaled = multiply(inverse, x);
  const denominator = 1 + dot(scaled, x);
  for (const [i, row] of inverse.entries())
    for (let j = 0; j < row.length; j++) row[j]! -= (scaled[i]! * scaled[j]!) / denominator;
  for (let i = 0; i < weighted.length; i++) weighted[i]! += reward * x[i]!;
}

const multiply = (matrix: readonly Float64Array[], x: ArrayLike<number>): Float64Array =>
  Float64Array.from(matrix, (row) => dot(row, x));

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i]! * b[i]!;
  return total;
}
