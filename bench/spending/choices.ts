import type { Evaluation } from '../../src/evaluation/evaluate.ts';
import { passRateOf } from '../../src/evaluation/problem-result.ts';
import { differenceEstimate, type Estimate, rateEstimate } from '../../src/statistics/intervals.ts';
import { mean } from '../../src/statistics/summary.ts';

/** A way of answering, on the problems of one domain. */
export interface ChoiceRow {
  readonly domain: string;
  readonly choice: string;
  /** Mean tokens per problem over all domains, written and scored. */
  readonly tokens: number;
  readonly accuracy: Estimate;
  /** Gain over one answer of the model before further training, paired by problem. */
  readonly gain: Estimate;
}

/** Accuracies of one way of answering, and its mean tokens, by problem id. */
interface Values {
  readonly choice: string;
  readonly tokens: number;
  readonly byId: ReadonlyMap<string, number>;
}

const options = { seed: 0, resamples: 2000 };
/** Best of N by the score of the last step; a program or a short answer is one step. */
const shownArms = ['majority', 'best-of-n last-max'];

/** Compares one answer, greedy decoding and N answers before further training with one and N answers after it. */
export function choiceRows(before: Evaluation, after: Evaluation): ChoiceRow[] {
  const all = [...valuesOf(before, ''), ...valuesOf(after, 'trained on: ')];
  const [single] = all;
  const domains = [...new Set(before.problems.map(({ domain }) => domain))];
  return domains.flatMap((domain) => {
    const ids = before.problems.flatMap(({ id, domain: own }) =>
      own === domain && all.every(({ byId }) => byId.has(id)) ? [id] : [],
    );
    return all.map(({ choice, tokens, byId }): ChoiceRow => {
      const values = ids.map((id) => byId.get(id)!);
      return {
        domain,
        choice,
        tokens,
        accuracy: rateEstimate(values, options),
        gain: differenceEstimate(
          ids.map((id, at) => values[at]! - single!.byId.get(id)!),
          options,
        ),
      };
    });
  });
}

function valuesOf({ problems, strategies }: Evaluation, prefix: string): Values[] {
  const judged = problems.filter(({ trials }) => trials > 0);
  const tokens = mean(judged.map((one) => one.tokens / one.trials));
  const arms = strategies?.arms.filter(({ name }) => shownArms.includes(name)) ?? [];
  return [
    {
      choice: `${prefix}one answer`,
      tokens,
      byId: new Map(judged.map((one) => [one.id, passRateOf(one)])),
    },
    {
      choice: `${prefix}greedy`,
      tokens,
      byId: new Map(judged.flatMap(({ id, greedy }) => (greedy === undefined ? [] : [[id, +greedy]]))),
    },
    ...arms.map(({ name, budget, written, scored, values }) => ({
      choice: `${prefix}${name === 'majority' ? 'majority' : 'best'} of ${budget}`,
      tokens: written + scored,
      byId: new Map(strategies!.problems.map((id, at) => [id, values[at]!])),
    })),
  ];
}

/**
 * Returns the number of answered problems above which the tokens spent once on training are fewer per problem than the
 * extra tokens of a choice.
 */
export const breakEven = (trainingTokens: number, { tokens }: ChoiceRow, single: ChoiceRow): number =>
  trainingTokens / (tokens - single.tokens);
