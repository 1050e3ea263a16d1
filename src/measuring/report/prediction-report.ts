import { alignColumns } from '../../core/text/table.ts';
import { noTrials } from '../../difficulty/pass-rates/trials.ts';
import type { Prediction } from '../../difficulty/probing/predict.ts';
import type { PredictedProblems } from '../predict-difficulty.ts';

/** A row for one problem; fields whose values are unknown are absent. JSON-safe. */
export interface PredictedRow extends Prediction {
  readonly logprobs: Readonly<Record<string, { readonly sum: number; readonly tokens: number }>>;
  readonly measured?: { readonly successes: number; readonly trials: number };
}

/** Returns predictions with their evidence, one row per problem. */
export function predictedRows({ predictions, likelihoods, passRates }: PredictedProblems): PredictedRow[] {
  return predictions.map((prediction) => {
    const { successes, trials } = passRates.get(prediction.id) ?? noTrials;
    const logprobs = (likelihoods.get(prediction.id) ?? []).map(
      ({ text, logprob, tokens }) => [text, { sum: logprob, tokens }] as const,
    );
    return {
      ...prediction,
      logprobs: Object.fromEntries(logprobs),
      ...(trials > 0 && { measured: { successes, trials } }),
    };
  });
}

/** Describes the evidence behind the predictions, in two lines. */
export function describePrediction({ problems, likelihoods, calibration }: PredictedProblems): string {
  const scored = `${problems.length} problems, ${likelihoods.size} of them with a gold answer or worked solution`;
  if (calibration === undefined) {
    return `${scored}\nranks only, because too few problems are measured to calibrate; measure some with gradus difficulty estimate`;
  }
  const { mean, low, high } = calibration.spearman;
  return (
    `${scored}\ncalibrated on ${calibration.problems} measured problems: ` +
    `Spearman ${mean.toFixed(2)} (${low.toFixed(2)} … ${high.toFixed(2)}), each predicted without its own attempts`
  );
}

/** Maximum number of rows; a table of more problems shows only the hardest and the easiest. */
const mostShown = 24;

/** Formats the predictions as a table by rank, hardest first. */
export function tableOfPredictions(rows: readonly PredictedRow[]): string {
  const ranked = rows
    .filter(({ rank }) => rank !== undefined)
    .toSorted((a, b) => a.rank! - b.rank! || (a.id < b.id ? -1 : 1));
  const header = [
    'problem',
    'rank',
    'predicted',
    '95 % interval',
    'log p(answer)',
    'log p(solution)',
    'measured',
  ];
  const half = mostShown / 2;
  const shown =
    ranked.length <= mostShown
      ? ranked.map(cellsOf)
      : [...ranked.slice(0, half).map(cellsOf), ['…'], ...ranked.slice(-half).map(cellsOf)];
  return alignColumns([header, ...shown], { figuresFrom: 1 });
}

function cellsOf({ id, rank, passRate, logprobs, measured }: PredictedRow): string[] {
  return [
    id,
    rank!.toFixed(2),
    passRate === undefined ? '–' : passRate.mean.toFixed(2),
    passRate === undefined ? '–' : `${passRate.low.toFixed(2)} … ${passRate.high.toFixed(2)}`,
    logprobs['answer'] === undefined ? '–' : logprobs['answer'].sum.toFixed(1),
    logprobs['solution'] === undefined ? '–' : logprobs['solution'].sum.toFixed(1),
    measured === undefined ? '–' : `${measured.successes}/${measured.trials}`,
  ];
}
