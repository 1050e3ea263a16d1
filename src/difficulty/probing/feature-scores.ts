import { createRng, hashKey } from '../../core/rng.ts';

/** Target of the prediction: a share in [0, 1], NaN where unknown. */
export type Targets = ArrayLike<number>;

const buckets = 1 << 16;
const folds = 4;
const passes = 4;
const learningRate = 0.15;
const shrinkage = 1e-4;

/** Hashes features to distinct numbers below 2^16. */
export function hashFeatures(features: readonly string[]): Uint16Array {
  return Uint16Array.from(new Set(features.map((feature) => hashKey(feature) % buckets)));
}

/**
 * Predicts each problem from its features by a logistic regression over hashed words (AdaGrad, Duchi et al. 2011)
 * trained on the other three quarters of the problems. A score therefore does not depend on the problem's own
 * outcomes, and a posterior that combines both stays calibrated.
 *
 * @param ids decide the quarter a problem is in.
 * @returns a log-odds per problem.
 */
export function scoreByFeatures(
  ids: readonly string[],
  features: readonly Uint16Array[],
  targets: Targets,
): Float64Array {
  const foldOf = Uint8Array.from(ids, (id) => hashKey('fold', id) % folds);
  const order = createRng(0, 'feature-scores').shuffle(ids.map((_, i) => i));
  const scores = new Float64Array(ids.length);
  for (let fold = 0; fold < folds; fold++) {
    const seen = order.filter((i) => foldOf[i] !== fold && !Number.isNaN(targets[i]));
    const predict = learn(seen, features, targets);
    for (let i = 0; i < ids.length; i++) if (foldOf[i] === fold) scores[i] = predict(features[i]!);
  }
  return scores;
}

function learn(
  problems: readonly number[],
  features: readonly Uint16Array[],
  targets: Targets,
): (words: Uint16Array) => number {
  const weights = new Float64Array(buckets);
  const squares = new Float64Array(buckets).fill(1);
  const mean = problems.reduce((sum, i) => sum + targets[i]!, 0.5) / (problems.length + 1);
  const bias = Math.log(mean / (1 - mean));
  const predict = (words: Uint16Array): number => {
    let sum = 0;
    for (let i = 0; i < words.length; i++) sum += weights[words[i]!]!;
    return bias + sum / Math.sqrt(words.length || 1);
  };
  for (let pass = 0; pass < passes; pass++) {
    for (const problem of problems) {
      const words = features[problem]!;
      const slope = (1 / (1 + Math.exp(-predict(words))) - targets[problem]!) / Math.sqrt(words.length || 1);
      for (let i = 0; i < words.length; i++) {
        const at = words[i]!;
        const gradient = slope + shrinkage * weights[at]!;
        squares[at]! += gradient * gradient;
        weights[at]! -= (learningRate * gradient) / Math.sqrt(squares[at]!);
      }
    }
  }
  return predict;
}
