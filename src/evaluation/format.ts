import { alignColumns } from '../core/text/table.ts';
import type { Estimate } from '../statistics/intervals.ts';
import type { Comparison, PairedDifference } from './compare.ts';
import type { Evaluation } from './evaluate.ts';
import type { Exploration } from './exploration/exploration.ts';
import type { Robustness } from './wordings/robustness.ts';
import type { Summary } from './summary.ts';

const nothing = '–';

/**
 * Formats an evaluation as a table for the terminal: overall, then by domain and family.
 * @param step step of the run; without it, shows the model's own update count, if it has one.
 */
export function formatEvaluation(evaluation: Evaluation, step?: number): string {
  const { suite, sampling, model, overall, byDomain, byFamily, byLevel } = evaluation;
  const k = sampling.rollouts;
  const rows = [
    ['', 'problems', `avg@${k}`, `95 % interval`, `pass@${k}`, `maj@${k}`, 'greedy', 'cut off'],
    summaryRow('all', overall, k),
    ...Object.entries(byDomain).map(([name, summary]) => summaryRow(name, summary, k)),
    ...Object.entries(byFamily).map(([name, summary]) => summaryRow(`  ${name}`, summary, k)),
    ...Object.entries(byLevel).map(([name, summary]) => summaryRow(`  level ${name}`, summary, k)),
  ];
  const title = `${suite}: ${model.name}${age(model.policyVersion, step)}, temperature ${sampling.temperature}, ${sampling.maxTokens} tokens`;
  const files = (evaluation.sources ?? []).flatMap((source) => source.files);
  const from = files.map(({ name, sha256 }) => `from ${name}, sha256 ${sha256.slice(0, 12)}`);
  const played = evaluation.exploration === undefined ? [] : [formatExploration(evaluation.exploration)];
  const worded = Object.entries(evaluation.robustness ?? {}).map(([kind, one]) =>
    formatRobustness(kind, one),
  );
  return [title, ...from, alignColumns(rows, { figuresFrom: 1 }), ...worded, ...played].join('\n');
}

/** Formats the robustness to wordings as three lines. */
function formatRobustness(kind: string, one: Robustness): string {
  const { consistency, chanceFlips } = one;
  const held =
    consistency === undefined
      ? 'consistency – (never right)'
      : `consistency ${percent(consistency.mean)} (${percent(consistency.low)} … ${percent(consistency.high)})`;
  const chance =
    chanceFlips === undefined ? '' : `, two attempts at one prompt differ: ${percent(chanceFlips)}`;
  const each = (one.byWording ?? []).map(percent).join(', ');
  return [
    `wordings, ${kind}, ${one.problems} problems: own prompt ${percent(one.own)}, others ${percent(one.others)}, ` +
      `change ${points(one.change.mean)} (${pointsInterval(one.change)})${each === '' ? '' : `; each: ${each}`}`,
    `  right in all ${percent(one.rightInAll.mean)} (${percent(one.rightInAll.low)} … ${percent(one.rightInAll.high)}), ` +
      `right in some ${percent(one.rightInSome)}, ${held}`,
    `  flips: right → wrong ${percent(one.rightToWrong)}, wrong → right ${percent(one.wrongToRight)}${chance}`,
  ].join('\n');
}

/** Formats the exploration of bandits as one line. */
function formatExploration({ regret, randomRegret, suffixFailure, ...shares }: Exploration): string {
  const interval = `${regret.low.toFixed(1)} … ${regret.high.toFixed(1)}`;
  const failures = `${percent(suffixFailure.low)} … ${percent(suffixFailure.high)}`;
  return (
    `bandits: regret ${regret.mean.toFixed(1)} (${interval}), at random ${randomRegret.toFixed(1)}; ` +
    `suffix failure ${percent(suffixFailure.mean)} % (${failures}), arms tried ${percent(shares.coverage)} %, ` +
    `greedy ${percent(shares.greedyShare)} %, turns without a choice ${percent(shares.missing)} %`
  );
}

/**
 * Formats the number of steps, or else of updates, of the model. Skipped updates make the two counts differ; an
 * exported model has no update count.
 */
function age(updates: number, step: number | undefined): string {
  if (step !== undefined) return ` after ${step} steps`;
  return updates === 0 ? '' : ` after ${updates} updates`;
}

/** Formats a comparison as a table for the terminal, in percentage points, followed by its warnings. */
export function formatComparison({ overall, byDomain, warnings }: Comparison): string {
  const rows = [
    ['', 'problems', 'before', 'after', 'change', '95 % interval', 'greedy'],
    comparisonRow('all', overall),
    ...Object.entries(byDomain).map(([name, some]) => comparisonRow(name, some)),
  ];
  return [alignColumns(rows, { figuresFrom: 1 }), ...warnings.map((warning) => `! ${warning}`)].join('\n');
}

function summaryRow(name: string, summary: Summary, k: number): string[] {
  const { problems, accuracy, passAt, majority, greedy, truncated } = summary;
  return [
    name,
    String(problems),
    percent(accuracy?.mean),
    accuracy === undefined ? nothing : `${percent(accuracy.low)} … ${percent(accuracy.high)}`,
    percent(passAt[k]),
    percent(majority),
    percent(greedy?.mean),
    percent(truncated),
  ];
}

function comparisonRow(name: string, some: PairedDifference): string[] {
  const { problems, before, after, difference, greedyBefore, greedyAfter } = some;
  const greedy = greedyBefore === undefined ? nothing : `${percent(greedyBefore)} → ${percent(greedyAfter)}`;
  return [
    name,
    String(problems),
    percent(before),
    percent(after),
    points(difference.mean),
    pointsInterval(difference),
    greedy,
  ];
}

/** Formats a rate in percent. */
export function percent(rate: number | undefined): string {
  return rate === undefined ? nothing : (100 * rate).toFixed(1);
}

/** Formats a change of a rate in percentage points, with its sign. */
export function points(change: number): string {
  const text = (100 * change).toFixed(1);
  return change > 0 ? `+${text}` : text;
}

/** Formats the interval of a change in percentage points. */
export function pointsInterval({ low, high }: Estimate): string {
  return `${points(low)} … ${points(high)}`;
}
