import type { Command } from 'commander';
import { predictDifficulty } from '../../measuring/predict-difficulty.ts';
import { correlateFeatures, describeCorrelations } from '../../measuring/report/feature-report.ts';
import {
  describePrediction,
  type PredictedRow,
  predictedRows,
  tableOfPredictions,
} from '../../measuring/report/prediction-report.ts';
import { openLines } from '../../problems/output/text-file.ts';
import { withInterrupt } from '../interrupt.ts';
import { collect, wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';
import { locateMeasured, type MeasuredFlags } from './measured-model.ts';

interface PredictFlags extends MeasuredFlags {
  readonly features?: boolean;
  readonly out?: string;
}

/** `gradus difficulty predict`: predicts pass rates from likelihoods, without sampling. */
export function addDifficultyPredictCommand(difficulty: Command): void {
  difficulty
    .command('predict')
    .description(
      'predict pass rates without sampling, from the likelihood of gold answers and worked solutions',
    )
    .argument('<recipe>', 'recipe file: its problems, verifiers and difficulty settings')
    .option('--model <path>', "model folder or run directory (default: the recipe's policy)")
    .option(
      '--store <file>',
      "file of pass rates and likelihoods (default: the recipe's difficulty.store, else difficulty.sqlite)",
    )
    .option('--limit <n>', 'predict only the first n problems', wholeNumber(1))
    .option('--features', 'also show how well each quantity orders the measured problems')
    .option('--out <file>', 'write all predictions as JSON Lines')
    .option('--set <path=value>', 'override one field of the recipe; repeatable', collect, [])
    .action(async (file: string, flags: PredictFlags, self: Command) => {
      const output = outputOf(self);
      const { recipe, source, store } = await locateMeasured(file, flags);
      const predicted = await withInterrupt((signal) =>
        predictDifficulty(recipe, {
          source,
          store,
          limit: flags.limit,
          onDownload: output.progress,
          onProgress: (done, total) => output.progress('scoring', done, total),
          signal,
        }),
      );
      const rows = predictedRows(predicted);
      if (flags.out !== undefined) await writeRows(flags.out, rows);
      const features = flags.features === true ? correlateFeatures(predicted) : undefined;
      const { model, calibration } = predicted;
      const text = [
        describePrediction(predicted),
        tableOfPredictions(rows),
        ...(features === undefined ? [] : [describeCorrelations(features)]),
        ...(flags.out === undefined ? [] : [`${rows.length} predictions in ${flags.out}`]),
      ];
      const result = { store, model, ...(calibration && { calibration }), ...(features && { features }) };
      output.result({ ...result, predictions: rows }, text.join('\n\n'));
    });
}

async function writeRows(path: string, rows: readonly PredictedRow[]): Promise<void> {
  const file = openLines(path);
  try {
    for (const row of rows) file.write(JSON.stringify(row));
    await file.close();
  } catch (error) {
    file.discard();
    throw error;
  }
}
