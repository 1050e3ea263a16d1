import { type Bin, binOf, bins } from '../../difficulty/bins.ts';
import type { ModelWeights } from '../../engines/engine.ts';
import { type Candidate, chanceCorrectOf, type Choice } from '../../rollout/strategies/choose-answer.ts';
import {
  type CalibrationBin,
  calibrationCurve,
  calibrationError,
  rocAuc,
} from '../../statistics/classification.ts';
import { differenceEstimate, type Estimate, rateEstimate } from '../../statistics/intervals.ts';
import { mean, sum } from '../../statistics/summary.ts';
import type { LabelTokens } from '../scorer-labels.ts';
import { labelSequence, type LabelledAttempt } from './labelled-attempt.ts';

/** How well a scorer predicts verdicts on problems on which it was not trained. JSON-safe. */
export interface ScorerQuality {
  readonly attempts: number;
  readonly problems: number;
  /** Share of correct answers. */
  readonly correct: number;
  /** Area under the ROC curve of the scores of complete answers, over all pairs of attempts. */
  readonly auc: number;
  /** The same area, but only over pairs of attempts at the same problem: the relevant value for best of N. */
  readonly aucWithin: number;
  /**
   * The same two areas for the policy's own confidence, which costs nothing; absent if rollouts have no
   * log-probabilities.
   */
  readonly confidence?: { readonly auc: number; readonly aucWithin: number };
  /** AUC by the share of the answer that the scorer has read; at 0, it has read only the prompt. */
  readonly byDepth: readonly { readonly depth: number; readonly auc: number }[];
  /** AUC by bin; an attempt's bin is determined by the pass rate of the other attempts in its group. */
  readonly byBin: Readonly<Record<Bin, { readonly attempts: number; readonly auc: number }>>;
  /** Expected calibration error over ten bins, and its curve. */
  readonly calibrationError: number;
  readonly calibration: readonly CalibrationBin[];
  /** Accuracy of best of N, by domain and number of attempts. */
  readonly bestOf: readonly BestOf[];
}

/** Accuracy of choosing among N attempts at a problem, with 95 % intervals over problems. */
export interface BestOf {
  readonly domain: string;
  readonly n: number;
  readonly single: Estimate;
  /** Accuracy of the answer with the highest score; `maxOverSingle`: its gain over a single attempt. */
  readonly max: Estimate;
  readonly maxOverSingle: Estimate;
  /** Accuracy of the answer with the highest confidence; absent if rollouts have no log-probabilities. */
  readonly confident?: Estimate;
  /** Share of problems with a correct answer among N. */
  readonly oracle: Estimate;
  /** Absent for answers without a normal form, such as programs, which cannot vote. */
  readonly votes?: {
    readonly majority: Estimate;
    /** Accuracy of the answer with the largest sum of scores. */
    readonly weighted: Estimate;
    readonly maxOverMajority: Estimate;
  };
}

/** An attempt with the predicted probability of a correct answer at each of its positions. */
export interface ScoredAttempt extends LabelledAttempt {
  readonly scores: readonly number[];
}

/** Number of attempts scored in one call. */
const scoredAtOnce = 512;

/** Scores every position of the attempts with a trained scorer; skips attempts that do not fit into its window. */
export async function scoreAttempts(
  weights: Pick<ModelWeights, 'logprobs'>,
  { good }: LabelTokens,
  attempts: readonly LabelledAttempt[],
  window = Infinity,
): Promise<ScoredAttempt[]> {
  const fitting = attempts.filter(({ tokens }) => tokens.length < window);
  const scored: ScoredAttempt[] = [];
  for (let from = 0; from < fitting.length; from += scoredAtOnce) {
    const some = fitting.slice(from, from + scoredAtOnce);
    const sequences = some.map((one) => labelSequence(one, { good, bad: good }));
    const logprobs = await weights.logprobs({ sequences }, 'policy');
    for (const [at, one] of some.entries())
      scored.push({
        ...one,
        scores: one.places.map((place) => Math.min(1, Math.exp(logprobs[at]![place]!))),
      });
  }
  return scored;
}

/** Measures a scorer on held-out attempts. */
export function scorerQuality(attempts: readonly ScoredAttempt[], seed = 0): ScorerQuality {
  const groups = [...Map.groupBy(attempts, ({ group }) => group).values()];
  const isTrue = attempts.map(({ isCorrect }) => isCorrect);
  const scores = attempts.map((one) => scoreAt(one, 1));
  const confident = groups.flatMap((group) => withConfidence(group) ?? []);
  return {
    attempts: attempts.length,
    problems: new Set(attempts.map(({ problemId }) => problemId)).size,
    correct: mean(isTrue.map(Number)),
    auc: rocAuc({ scores, isTrue }),
    aucWithin: aucWithin(groups),
    ...(confident.length === attempts.length && {
      confidence: {
        auc: rocAuc({
          scores: confident.map((one) => scoreAt(one, 1)),
          isTrue: confident.map(({ isCorrect }) => isCorrect),
        }),
        aucWithin: aucWithin([...Map.groupBy(confident, ({ group }) => group).values()]),
      },
    }),
    byDepth: [0, 0.25, 0.5, 0.75, 1].map((depth) => ({
      depth,
      auc: rocAuc({ scores: attempts.map((one) => scoreAt(one, depth)), isTrue }),
    })),
    byBin: aucByBin(groups),
    calibrationError: calibrationError({ scores, isTrue }),
    calibration: calibrationCurve({ scores, isTrue }),
    bestOf: bestOf(groups, seed),
  };
}

/** Returns the attempts with their confidence as the score; undefined if any of them has no confidence. */
const withConfidence = (attempts: readonly ScoredAttempt[]): ScoredAttempt[] | undefined =>
  attempts.some(({ likelihoods }) => likelihoods === undefined)
    ? undefined
    : attempts.map((one) => ({ ...one, scores: one.likelihoods!.map(({ confidence }) => confidence) }));

/** Returns the score after a share of the answer. */
const scoreAt = ({ scores }: ScoredAttempt, depth: number): number =>
  scores[Math.round(depth * (scores.length - 1))]!;

/** Returns the AUC over all pairs of a correct and a wrong attempt from the same group. */
function aucWithin(groups: readonly (readonly ScoredAttempt[])[]): number {
  const parts = groups.map((group) => {
    const isTrue = group.map(({ isCorrect }) => isCorrect);
    const right = isTrue.filter(Boolean).length;
    const pairs = right * (group.length - right);
    const auc = pairs === 0 ? 0 : rocAuc({ scores: group.map((one) => scoreAt(one, 1)), isTrue });
    return { pairs, ordered: pairs * auc };
  });
  return sum(parts.map(({ ordered }) => ordered)) / sum(parts.map(({ pairs }) => pairs));
}

function aucByBin(groups: readonly (readonly ScoredAttempt[])[]): ScorerQuality['byBin'] {
  const binned = groups
    .filter((group) => group.length > 1)
    .flatMap((group) => {
      const right = group.filter(({ isCorrect }) => isCorrect).length;
      return group.map((one) => ({ one, bin: binOf((right - +one.isCorrect) / (group.length - 1)) }));
    });
  const partOf = (bin: Bin) => {
    const some = binned.flatMap((item) => (item.bin === bin ? [item.one] : []));
    const isTrue = some.map(({ isCorrect }) => isCorrect);
    return { attempts: some.length, auc: rocAuc({ scores: some.map((one) => scoreAt(one, 1)), isTrue }) };
  };
  return Object.fromEntries(bins.map((bin) => [bin, partOf(bin)])) as ScorerQuality['byBin'];
}

/** Measures best of N for each domain and N = 2, 4, 8 … up to the size of most groups. */
function bestOf(groups: readonly (readonly ScoredAttempt[])[], seed: number): BestOf[] {
  const byDomain = Map.groupBy(groups, ([first]) => first!.domain);
  return [...byDomain].flatMap(([domain, some]) => {
    const sizes = some.map(({ length }) => length).toSorted((a, b) => a - b);
    const size = sizes[sizes.length >> 1]!;
    const kept = some.filter(({ length }) => length >= size);
    const counts = Array.from({ length: Math.floor(Math.log2(size)) }, (_, i) => 2 ** (i + 1));
    return counts.map((n) => ({ domain, ...choicesAmong(kept, n, seed) }));
  });
}

function choicesAmong(
  groups: readonly (readonly ScoredAttempt[])[],
  n: number,
  seed: number,
): Omit<BestOf, 'domain'> {
  const options = { seed, resamples: 2000 };
  const pools = groups.map(candidatesOf);
  const confident = groups.flatMap((group) => withConfidence(group) ?? []);
  const judged = pools.map((pool) => pool.map((one) => ({ ...one, score: +one.isCorrect })));
  const valuesOf = (some: readonly (readonly Candidate[])[], choice: Choice, count: number): number[] =>
    some.map((pool) => chanceCorrectOf(pool, choice, count));
  const over = (a: readonly number[], b: readonly number[]): Estimate =>
    differenceEstimate(
      a.map((value, at) => value - b[at]!),
      options,
    );
  const [single, max] = [valuesOf(judged, 'max', 1), valuesOf(pools, 'max', n)];
  const canVote = pools.some((pool) => pool.some(({ answer }) => answer !== undefined));
  const majority = canVote ? valuesOf(pools, 'majority', n) : undefined;
  return {
    n,
    single: rateEstimate(single, options),
    max: rateEstimate(max, options),
    maxOverSingle: over(max, single),
    ...(confident.length > 0 && {
      confident: rateEstimate(
        valuesOf([...Map.groupBy(confident, ({ group }) => group).values()].map(candidatesOf), 'max', n),
        options,
      ),
    }),
    oracle: rateEstimate(valuesOf(judged, 'max', n), options),
    ...(majority !== undefined && {
      votes: {
        majority: rateEstimate(majority, options),
        weighted: rateEstimate(valuesOf(pools, 'vote', n), options),
        maxOverMajority: over(max, majority),
      },
    }),
  };
}

const candidatesOf = (group: readonly ScoredAttempt[]): Candidate[] =>
  group.map(({ answer, isCorrect, scores }) => ({ answer, isCorrect, score: scores.at(-1)! }));
