import { alignColumns } from '../../core/text/table.ts';
import { bins } from '../../difficulty/bins.ts';
import type { Estimate } from '../../statistics/intervals.ts';
import type { ScorerQuality } from './scorer-quality.ts';

const percent = (value: number): string => (100 * value).toFixed(1);
const area = (value: number): string => (Number.isNaN(value) ? '–' : value.toFixed(3));
const ranged = ({ mean, low, high }: Estimate): string =>
  `${percent(mean)} [${percent(low)}, ${percent(high)}]`;

/**
 * Formats the quality of a scorer: how well it predicts verdicts, and how best of N with this scorer compares with a
 * majority vote.
 *
 * @param withoutReadout quality of the model's own scores; absent if the scorer has no readout.
 */
export function formatQuality(quality: ScorerQuality, withoutReadout?: ScorerQuality): string {
  const { attempts, problems, correct, byDepth, byBin, bestOf } = quality;
  const rows = bestOf.map(({ domain, n, single, max, confident, oracle, maxOverSingle, votes }) => [
    domain,
    String(n),
    ...[single, votes?.majority, votes?.weighted, max, confident, oracle].map((one) =>
      one === undefined ? '–' : percent(one.mean),
    ),
    ranged(maxOverSingle),
    votes === undefined ? '–' : ranged(votes.maxOverMajority),
  ]);
  const header = [
    'domain',
    'N',
    'one answer',
    'majority',
    'weighted vote',
    'max',
    'by confidence',
    'oracle',
    'max over one',
    'max over majority',
  ];
  return [
    `held out: ${attempts} attempts at ${problems} problems, ${percent(correct)} % right`,
    areasOf(quality),
    ...(withoutReadout === undefined
      ? []
      : [`without the policy's probabilities: ${areasOf(withoutReadout)}`]),
    ...(quality.confidence === undefined
      ? []
      : [
          `AUC of the policy's own confidence ${area(quality.confidence.auc)}; within a problem ${area(quality.confidence.aucWithin)}`,
        ]),
    `AUC by share of the answer read: ${byDepth.map(({ depth, auc: at }) => `${100 * depth} %: ${area(at)}`).join(', ')}`,
    `AUC by bin: ${bins.map((bin) => `${bin} ${area(byBin[bin].auc)} (${byBin[bin].attempts})`).join(', ')}`,
    ...(rows.length === 0 ? [] : [alignColumns([header, ...rows], { figuresFrom: 1 })]),
  ].join('\n');
}

/** Formats the quality over all attempts on one line. */
export const areasOf = ({ auc, aucWithin, calibrationError }: ScorerQuality): string =>
  `AUC ${area(auc)}; within a problem ${area(aucWithin)}; calibration error ${calibrationError.toFixed(3)}`;
