import { mean, quantile } from '../../statistics/summary.ts';
import { passRateIntervals, type Prior, type Trials } from './trials.ts';

/** A measured problem and the histogram rows that count it: its domain, family and levels. */
export interface HistogramEntry {
  readonly groups: readonly string[];
  readonly trials: Trials;
}

/** Prior and confidence level for the interval widths beside the bars. */
export interface HistogramOptions {
  readonly prior: Prior;
  readonly confidence: number;
}

const innerBins = 10;
const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/**
 * Draws pass rates for the terminal, one row per group: a bar for exactly 0, ten for the tenths between, one for
 * exactly 1. Each row also shows the number of measured problems, their mean pass rate, the share that can give a group
 * a learning signal (0 < p < 1), and the median half-width of a problem's interval.
 *
 * @example
 * //       0 ·1··· ·5··· 1  problems  mean  learnable  known to
 * // math  █       ▄     ▁        13  0.23       0.31    ± 0.17
 */
export function renderHistogram(entries: readonly HistogramEntry[], options: HistogramOptions): string {
  const groups = new Map<string, Trials[]>();
  for (const { groups: names, trials } of entries) {
    if (trials.trials === 0) continue;
    for (const name of names) {
      const group = groups.get(name) ?? [];
      group.push(trials);
      groups.set(name, group);
    }
  }
  const unmeasured = entries.filter(({ trials }) => trials.trials === 0).length;
  const notes = unmeasured > 0 ? [`${unmeasured} problems not measured yet`] : [];
  if (groups.size === 0) return ['no pass rates to show', ...notes].join('\n');
  const width = Math.max(...[...groups.keys()].map((name) => name.length));
  const rows = [...groups].map(([name, all]) => row(name.padEnd(width), all, options));
  return [header(width), ...rows, ...undecidedNote(entries), ...notes].join('\n');
}

const scale = '0 ·1··· ·5··· 1';

function header(width: number): string {
  return `${' '.repeat(width)}  ${scale}  problems  mean  learnable  known to`;
}

function row(name: string, all: readonly Trials[], { prior, confidence }: HistogramOptions): string {
  const rates = all.map(({ successes, trials }) => successes / trials);
  const intervalOf = passRateIntervals(prior, confidence);
  const halfWidths = all.map((trials) => {
    const { low, high } = intervalOf(trials);
    return (high - low) / 2;
  });
  const learnable = rates.filter((rate) => rate > 0 && rate < 1).length / rates.length;
  const cells = [
    String(rates.length).padStart(8),
    mean(rates).toFixed(2),
    learnable.toFixed(2).padStart(9),
    `± ${quantile(halfWidths, 0.5).toFixed(2)}`.padStart(8),
  ];
  return `${name}  ${drawBars(countBins(rates))}  ${cells.join('  ')}`;
}

/** Counts the rates that are exactly 0, those in each of ten equal bins between, and those that are exactly 1. */
function countBins(rates: readonly number[]): number[] {
  const counts = Array<number>(innerBins + 2).fill(0);
  for (const rate of rates) {
    const inner = 1 + Math.min(innerBins - 1, Math.floor(rate * innerBins));
    counts[rate === 0 ? 0 : rate === 1 ? innerBins + 1 : inner]!++;
  }
  return counts;
}

/** Draws bars with heights relative to the tallest; a bin with at least one problem is visible. */
function drawBars(counts: readonly number[]): string {
  const tallest = Math.max(...counts);
  const drawn = counts.map((count) =>
    count === 0 ? ' ' : bars[Math.ceil((count / tallest) * bars.length) - 1]!,
  );
  const inner = drawn.slice(1, -1);
  return [
    drawn[0],
    inner.slice(0, innerBins / 2).join(''),
    inner.slice(innerBins / 2).join(''),
    drawn.at(-1),
  ].join(' ');
}

/** Describes how far the rate of a problem that was never or always solved may be from 0 or 1. */
function undecidedNote(entries: readonly HistogramEntry[]): string[] {
  const tried = entries.map((entry) => entry.trials).filter(({ trials }) => trials > 0);
  const atTheEnds = tried.filter(({ successes, trials }) => successes === 0 || successes === trials);
  if (atTheEnds.length === 0) return [];
  const trials = quantile(
    atTheEnds.map((problem) => problem.trials),
    0.5,
  );
  const hidden = 1 - 0.05 ** (1 / trials);
  return [
    `${atTheEnds.length} problems at exactly 0 or 1 after ${Math.round(trials)} rollouts (median): ` +
      `true rates up to ${hidden.toFixed(2)} from 0 or 1 give such a result in at least 1 of 20 cases`,
  ];
}
