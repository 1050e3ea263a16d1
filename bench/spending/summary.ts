import { alignColumns } from '../../src/core/text/table.ts';
import { type Estimate, tInterval } from '../../src/statistics/intervals.ts';
import { mean } from '../../src/statistics/summary.ts';
import { breakEven, type ChoiceRow } from './choices.ts';

/** Result of comparing more answers with more training, for one run. */
export interface Spending {
  readonly run: string;
  readonly rows: readonly ChoiceRow[];
  /** Tokens and seconds that the further training took. */
  readonly training: { readonly steps: number; readonly tokens: number; readonly seconds: number };
}

/** Formats the choices of one run; intervals are over problems. */
export function formatSpending({ run, rows, training }: Spending): string {
  const { steps, tokens, seconds } = training;
  return [
    `${run}: ${steps} more steps took ${tokens} tokens and ${seconds.toFixed(0)} s`,
    formatRows(rows, tokens),
  ].join('\n');
}

/** Formats means over several runs; intervals are t-intervals over runs. */
export function formatMeans(results: readonly Spending[]): string {
  const over = (place: number, of: (row: ChoiceRow) => number): number[] =>
    results.map(({ rows }) => of(rows[place]!));
  const rows = results[0]!.rows.map(({ domain, choice }, place): ChoiceRow => ({
    domain,
    choice,
    tokens: mean(over(place, (row) => row.tokens)),
    accuracy: tInterval(over(place, (row) => row.accuracy.mean)),
    gain: tInterval(over(place, (row) => row.gain.mean)),
  }));
  const tokens = mean(results.map(({ training }) => training.tokens));
  return [
    `mean of ${results.length} runs: more training took ${tokens.toFixed(0)} tokens`,
    formatRows(rows, tokens),
  ].join('\n');
}

function formatRows(rows: readonly ChoiceRow[], trainingTokens: number): string {
  const percent = (value: number): string => (100 * value).toFixed(1);
  const ranged = ({ mean: value, low, high }: Estimate): string =>
    `${percent(value)} [${percent(low)}, ${percent(high)}]`;
  const lines = rows.map((row) => {
    const { domain, choice, tokens, accuracy, gain } = row;
    const single = rows.find((one) => one.domain === domain)!;
    const isDearer = tokens > single.tokens && !choice.startsWith('trained');
    return [
      domain,
      choice,
      tokens.toFixed(0),
      ranged(accuracy),
      row === single ? '–' : ranged(gain),
      isDearer ? breakEven(trainingTokens, row, single).toFixed(0) : '–',
    ];
  });
  const header = ['domain', 'choice', 'tokens per problem', 'accuracy', 'over one answer', 'break-even'];
  return alignColumns([header, ...lines], { figuresFrom: 2 });
}
