import type * as z from 'zod';
import type { Problem } from '../core/problem.ts';
import type { PriorSource } from '../difficulty/probing/adaptive.ts';
import type { ProblemFeatures } from '../difficulty/probing/feature-table.ts';
import type { passRateConfig } from '../difficulty/probing/pass-rate.ts';
import { kindFeatures, passRateFeature, statedFeatures } from '../difficulty/probing/problem-features.ts';
import { noTrials, type PassRates } from '../difficulty/pass-rates/trials.ts';
import { type LikelihoodRequest, type LikelihoodValues, measureLikelihoods } from './measure-likelihoods.ts';

type Settings = Pick<z.output<typeof passRateConfig>, 'probing'>;
type Parts = Parameters<typeof measureLikelihoods>[0];

/**
 * Collects evidence about problems before their attempts, from the sources in the settings: likelihoods, computed if
 * the store lacks them; pass rates published with the data; and other models' pass rates.
 *
 * @param others trials of other models, by model label and problem id.
 * @returns features by problem id; undefined for fixed probing, which uses none.
 */
export async function priorKnowledge(
  parts: Parts,
  { probing }: Settings,
  others: ReadonlyMap<string, PassRates>,
  request: LikelihoodRequest,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, ProblemFeatures> | undefined> {
  if (probing.type === 'fixed') return undefined;
  const values = probing.prior.includes('likelihood')
    ? await measureLikelihoods(parts, request, signal)
    : new Map<string, never>();
  return collectFeatures(request.problems, probing.prior, others, values);
}

/**
 * Combines likelihoods and other models' pass rates into features for each problem.
 *
 * @param others trials of other models, by model label and problem id.
 * @param values likelihoods by problem id.
 */
export function collectFeatures(
  problems: readonly Problem[],
  prior: readonly PriorSource[],
  others: ReadonlyMap<string, PassRates>,
  values: LikelihoodValues,
): ReadonlyMap<string, ProblemFeatures> {
  const known = prior.includes('known') ? [...others] : [];
  const wordsOf = (problem: Problem): string[] => [
    ...kindFeatures(problem),
    ...(prior.includes('stated') ? statedFeatures(problem) : []),
    ...known.flatMap(([label, passRates]) => {
      const { successes, trials } = passRates.get(problem.id) ?? noTrials;
      return trials === 0 ? [] : [passRateFeature(label, successes, trials)];
    }),
  ];
  return new Map(
    problems.map((problem) => [
      problem.id,
      { words: wordsOf(problem), values: values.get(problem.id) ?? {} },
    ]),
  );
}
