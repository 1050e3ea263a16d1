/** Kinds of problems: how many there are, their weights in the selection, and the value of drawing one. */
export interface Kinds {
  /** Number or share of problems of a kind. */
  readonly masses: ArrayLike<number>;
  /** Relative weight of one problem of the kind; ≥ 0. */
  readonly weights: ArrayLike<number>;
  /** Value of one draw, e.g. the probability that its group is live. */
  readonly values: ArrayLike<number>;
}

/**
 * Returns the mean value of problems drawn in proportion to their weights, at most once each: a problem is drawn with
 * probability min(1, c · weight), where c is such that a share `density` of all problems is drawn.
 *
 * @param density in (0, 1]; 1 draws every problem, whatever its weight.
 */
export function selectedShare({ masses, weights, values }: Kinds, density: number): number {
  const scale = drawScale({ masses, weights }, density);
  let [drawn, value, all, mean] = [0, 0, 0, 0];
  for (let i = 0; i < masses.length; i++) {
    const probability = Math.min(1, scale * weights[i]!);
    drawn += masses[i]! * probability;
    value += masses[i]! * probability * values[i]!;
    all += masses[i]!;
    mean += masses[i]! * values[i]!;
  }
  // If the problems with a positive weight do not fill a step, the remaining draws are uniform.
  const rest = Math.max(0, density * all - drawn);
  return (value + (rest * (mean - value)) / Math.max(Number.MIN_VALUE, all - drawn)) / (drawn + rest);
}

/**
 * Solves Σ mass · min(1, c · weight) = density · Σ mass for c; infinite if there are too few problems with a
 * positive weight.
 */
function drawScale({ masses, weights }: Pick<Kinds, 'masses' | 'weights'>, density: number): number {
  let scale = 0;
  for (;;) {
    // A kind drawn with probability 1 at the last scale is also drawn with probability 1 at every larger scale.
    let [wanted, open] = [0, 0];
    for (let i = 0; i < masses.length; i++) {
      wanted += density * masses[i]!;
      if (scale * weights[i]! >= 1) wanted -= masses[i]!;
      else open += masses[i]! * weights[i]!;
    }
    if (open <= 0) return wanted > 0 ? Number.MAX_VALUE : scale;
    const next = wanted / open;
    if (next <= scale) return scale;
    scale = next;
  }
}
