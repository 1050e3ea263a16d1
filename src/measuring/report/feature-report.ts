import { alignColumns } from '../../core/text/table.ts';
import type { Problem } from '../../core/problem.ts';
import { complexity } from '../../core/text/complexity.ts';
import type { Estimate } from '../../statistics/intervals.ts';
import { spearmanEstimate } from '../../statistics/rank-correlation.ts';
import type { PredictedProblems } from '../predict-difficulty.ts';

/** How well one quantity ranks the measured problems. */
export interface FeatureCorrelation {
  readonly name: string;
  /** Number of measured problems for which the quantity is known. */
  readonly problems: number;
  /** Spearman's correlation with the measured pass rate, with its 95 % interval. */
  readonly spearman: Estimate;
}

type Evidence = Pick<PredictedProblems, 'problems' | 'likelihoods' | 'passRates'>;

/**
 * Correlates what is known before any attempt with the measured pass rates. Includes DID's complexity and, for
 * comparison, the number of words, which needs no formula and predicts better on published sets.
 */
export function correlateFeatures({ problems, likelihoods, passRates }: Evidence): FeatureCorrelation[] {
  const likelihood =
    (text: 'answer' | 'solution', isMean: boolean) =>
    ({ id }: Problem): number | undefined => {
      const found = likelihoods.get(id)?.find((one) => one.text === text);
      return found && (isMean ? found.logprob / found.tokens : found.logprob);
    };
  const textOf = ({ prompt }: Problem): string => prompt.map(({ content }) => content).join('\n');
  const quantities: [string, (problem: Problem) => number | undefined][] = [
    ['log p(solution)', likelihood('solution', false)],
    ['log p(solution) per token', likelihood('solution', true)],
    ['log p(answer)', likelihood('answer', false)],
    ['log p(answer) per token', likelihood('answer', true)],
    ['number of words', (problem) => textOf(problem).split(/\s+/).length],
    ['length in characters', (problem) => textOf(problem).length],
    ['knob', ({ knob }) => knob],
    ['complexity C (DID)', (problem) => complexity(textOf(problem))],
  ];
  return quantities.flatMap(([name, valueOf]) => {
    const pairs = problems.flatMap((problem) => {
      const [value, own] = [valueOf(problem), passRates.get(problem.id)];
      return value === undefined || own === undefined || own.trials === 0
        ? []
        : [{ value, rate: own.successes / own.trials }];
    });
    if (pairs.length === 0) return [];
    const spearman = spearmanEstimate(
      pairs.map(({ value }) => value),
      pairs.map(({ rate }) => rate),
    );
    return Number.isNaN(spearman.mean) ? [] : [{ name, problems: pairs.length, spearman }];
  });
}

/** Formats the correlations as a table. */
export function describeCorrelations(found: readonly FeatureCorrelation[]): string {
  const rows = found.map(({ name, problems, spearman: { mean, low, high } }) => [
    name,
    String(problems),
    mean.toFixed(2),
    `${low.toFixed(2)} … ${high.toFixed(2)}`,
  ]);
  return alignColumns([['known before any attempt', 'problems', 'Spearman', '95 % interval'], ...rows], {
    figuresFrom: 1,
  });
}
