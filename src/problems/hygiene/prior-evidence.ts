import type { Problem } from '../../core/problem.ts';
import { complexity } from '../../core/text/complexity.ts';
import { alignColumns } from '../../core/text/table.ts';
import type { Estimate } from '../../statistics/intervals.ts';
import { spearmanEstimate } from '../../statistics/rank-correlation.ts';
import { quantile } from '../../statistics/summary.ts';
import { textOf } from '../problem-text.ts';

/** Statistics, over a set of problems, of a quantity that is known before any attempt. */
export interface PriorColumn {
  readonly name: string;
  readonly problems: number;
  /** 10 % quantile (`low`), median and 90 % quantile (`high`). */
  readonly low: number;
  readonly median: number;
  readonly high: number;
  /** Spearman's correlation with the pass rates given in the data; absent unless at least two rates differ. */
  readonly spearman?: Estimate;
}

const quantities: readonly (readonly [string, (text: string) => number])[] = [
  ['complexity C (DID)', complexity],
  ['number of words', (text) => text.split(/\s+/).length],
];

/**
 * Collects DID's complexity, the number of words and the first given pass rate of each problem, to compare the two
 * quantities as predictors of difficulty.
 */
export class PriorEvidence {
  readonly #values = quantities.map((): number[] => []);
  readonly #stated: { readonly at: number; readonly rate: number }[] = [];

  /** Adds each problem of a stream and passes it on. */
  async *of(problems: AsyncIterable<Problem>): AsyncGenerator<Problem> {
    for await (const problem of problems) {
      this.#add(problem);
      yield problem;
    }
  }

  /** Returns one column per quantity; an empty list if there are no problems. */
  columns(): PriorColumn[] {
    return quantities.flatMap(([name], index) => {
      const values = this.#values[index]!;
      if (values.length === 0) return [];
      const [low, median, high] = [0.1, 0.5, 0.9].map((share) => quantile(values, share));
      const spearman = spearmanEstimate(
        this.#stated.map(({ at }) => values[at]!),
        this.#stated.map(({ rate }) => rate),
      );
      const column = { name, problems: values.length, low: low!, median: median!, high: high! };
      return [Number.isNaN(spearman.mean) ? column : { ...column, spearman }];
    });
  }

  #add(problem: Problem): void {
    const text = textOf(problem);
    const at = this.#values[0]!.length;
    for (const [index, [, valueOf]] of quantities.entries()) this.#values[index]!.push(valueOf(text));
    const stated = problem.passRates?.[0];
    if (stated !== undefined && stated.trials > 0)
      this.#stated.push({ at, rate: stated.successes / stated.trials });
  }
}

/** Formats the columns as a table; shows the correlation only if the data contains pass rates. */
export function formatPriorColumns(columns: readonly PriorColumn[]): string {
  const hasRates = columns.some(({ spearman }) => spearman !== undefined);
  const number = (value: number): string => value.toFixed(value < 100 ? 1 : 0);
  const rows = columns.map(({ name, problems, low, median, high, spearman }) => [
    name,
    String(problems),
    number(median),
    `${number(low)} … ${number(high)}`,
    ...(hasRates
      ? [
          spearman === undefined
            ? '–'
            : `${spearman.mean.toFixed(2)} (${spearman.low.toFixed(2)} … ${spearman.high.toFixed(2)})`,
        ]
      : []),
  ]);
  const header = ['known before any attempt', 'problems', 'median', '10 % … 90 %'];
  return alignColumns([[...header, ...(hasRates ? ['Spearman with the stated pass rate'] : [])], ...rows], {
    figuresFrom: 1,
  });
}
