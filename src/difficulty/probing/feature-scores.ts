import { createRng, hashKey } from '../../core/rng.ts';
import { fitLogistic, logOdds } from '../../statistics/logistic.ts';
import { mean, standardDeviation } from '../../statistics/summary.ts';
import { type FeatureTable, wordBuckets } from './feature-table.ts';

/** Target of the prediction: a share in [0, 1]; NaN if unknown. */
export type Targets = ArrayLike<number>;

const folds = 4;
const passes = 4;
const learningRate = 0.15;
const shrinkage = 1e-4;
/** Ridge penalty on the slopes of the standardised columns; it weighs as much as one problem. */
const ridge = 1;
/**
 * Number of standard errors by which columns must reduce the log-loss to be kept. At 2, noise columns are dropped in 49
 * of 50 cases.
 */
const surelyBetter = 2;

/**
 * Predicts each problem from its features by regressions trained on the other three quarters of the problems. A score
 * therefore does not depend on the problem's own outcomes, and a posterior that combines both stays calibrated.
 *
 * Words are numerous and weak: one logistic regression uses hashed words (AdaGrad, Duchi et al. 2011). Columns are
 * few and may be strong: a second logistic regression combines them with the score of the words, so that words do not
 * mask a strong column. Outcomes of a problem's own quarter influence its score only through the slope of the words'
 * score; this influence vanishes as the number of problems grows.
 *
 * @param ids determine the quarter of each problem.
 * @returns the log-odds of each problem.
 */
export function scoreByFeatures(ids: readonly string[], table: FeatureTable, targets: Targets): Float64Array {
  const foldOf = foldsOf(ids);
  const byWords = scoreByWords(ids, foldOf, table.words, targets);
  if (table.columns.length === 0) return byWords;
  return scoreByColumns(foldOf, [byWords, ...table.columns], targets);
}

/**
 * Returns the table, without its columns unless they reduce the log-loss of the scores by at least two standard errors.
 * Grouping by noise would cost rollouts.
 */
export function keepUsefulColumns(
  ids: readonly string[],
  table: FeatureTable,
  targets: Targets,
): FeatureTable {
  if (table.columns.length === 0) return table;
  const foldOf = foldsOf(ids);
  const byWords = scoreByWords(ids, foldOf, table.words, targets);
  const without = scoreByColumns(foldOf, [byWords], targets);
  const together = scoreByColumns(foldOf, [byWords, ...table.columns], targets);
  const gains = ids.flatMap((_, i) => {
    const share = targets[i]!;
    return Number.isNaN(share) ? [] : [logLoss(without[i]!, share) - logLoss(together[i]!, share)];
  });
  const error = standardDeviation(gains) / Math.sqrt(gains.length);
  return mean(gains) > surelyBetter * error ? table : { ...table, columns: [] };
}

const foldsOf = (ids: readonly string[]): Uint8Array =>
  Uint8Array.from(ids, (id) => hashKey('fold', id) % folds);

/** Returns the negative log-probability of a share given log-odds, in nats. */
function logLoss(odds: number, share: number): number {
  return Math.log1p(Math.exp(-Math.abs(odds))) + Math.max(odds, 0) - share * odds;
}

function scoreByColumns(
  foldOf: Uint8Array,
  columns: readonly Float64Array[],
  targets: Targets,
): Float64Array {
  const scores = new Float64Array(foldOf.length);
  for (let fold = 0; fold < folds; fold++) {
    const weights = Float64Array.from(foldOf, (own, i) => Number(own !== fold && !Number.isNaN(targets[i])));
    const fit = fitLogistic({ columns, shares: targets, weights }, ridge);
    foldOf.forEach((own, i) => {
      if (own === fold)
        scores[i] = logOdds(
          fit,
          columns.map((column) => column[i]!),
        );
    });
  }
  return scores;
}

function scoreByWords(
  ids: readonly string[],
  foldOf: Uint8Array,
  words: readonly Uint16Array[],
  targets: Targets,
): Float64Array {
  const order = createRng(0, 'feature-scores').shuffle(ids.map((_, i) => i));
  const scores = new Float64Array(ids.length);
  for (let fold = 0; fold < folds; fold++) {
    const seen = order.filter((i) => foldOf[i] !== fold && !Number.isNaN(targets[i]));
    const predict = learnWords(seen, words, targets);
    for (let i = 0; i < ids.length; i++) if (foldOf[i] === fold) scores[i] = predict(words[i]!);
  }
  return scores;
}

function learnWords(
  problems: readonly number[],
  features: readonly Uint16Array[],
  targets: Targets,
): (words: Uint16Array) => number {
  const weights = new Float64Array(wordBuckets);
  const squares = new Float64Array(wordBuckets).fill(1);
  const rate = problems.reduce((sum, i) => sum + targets[i]!, 0.5) / (problems.length + 1);
  const bias = Math.log(rate / (1 - rate));
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
