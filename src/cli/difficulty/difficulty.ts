import type { Command } from 'commander';
import { describeSpending } from '../../core/spending.ts';
import { loadRecipe } from '../../recipe/load.ts';
import { reportDifficulty } from '../../measuring/report/difficulty-report.ts';
import { estimateDifficulty } from '../../measuring/estimate-difficulty.ts';
import {
  describeConditions,
  readDifficulty,
  type StoredDifficulty,
} from '../../measuring/stored-difficulty.ts';
import { addDifficultyExportCommand } from './difficulty-export.ts';
import { addDifficultyPredictCommand } from './difficulty-predict.ts';
import { addDifficultyReportCommand } from './difficulty-report.ts';
import { addLevelsCommand } from './difficulty-levels.ts';
import { locateMeasured, type MeasuredFlags } from './measured-model.ts';
import { withInterrupt } from '../interrupt.ts';
import { collect, wholeNumber } from '../options.ts';
import { type Output, outputOf } from '../output.ts';

/** `gradus difficulty estimate|predict|show|levels|export|report`: measures and shows pass rates of problems. */
export function addDifficultyCommand(program: Command): void {
  const difficulty = program
    .command('difficulty')
    .description('measure and show how hard problems are for a model');
  difficulty
    .command('estimate')
    .description("measure a model's pass rates on a recipe's problems, reusing stored trials")
    .argument('<recipe>', 'recipe file: its problems, verifiers and difficulty settings')
    .option('--model <path>', "model folder or run directory (default: the recipe's policy)")
    .option(
      '--store <file>',
      "file of pass rates (default: the recipe's difficulty.store, else difficulty.sqlite)",
    )
    .option('--limit <n>', 'measure only the first n problems', wholeNumber(1))
    .option('--set <path=value>', 'override one field of the recipe; repeatable', collect, [])
    .action(async (file: string, flags: MeasuredFlags, command: Command) => {
      await estimate(file, flags, outputOf(command));
    });
  addDifficultyPredictCommand(difficulty);
  difficulty
    .command('show')
    .description('show the pass rates in a store')
    .argument('<store>', "store written by gradus difficulty estimate, or a run's pass-rates.sqlite")
    .option('--recipe <file>', 'recipe to group its problems by: domain, family and level')
    .action(async (file: string, { recipe }: { readonly recipe?: string }, command: Command) => {
      const output = outputOf(command);
      const found = await readDifficulty(file, recipe === undefined ? undefined : await loadRecipe(recipe));
      output.result(found.map(withoutText), found.map(showOne).join('\n\n'));
    });
  addLevelsCommand(difficulty);
  addDifficultyExportCommand(difficulty);
  addDifficultyReportCommand(difficulty);
}

async function estimate(file: string, flags: MeasuredFlags, output: Output): Promise<void> {
  const { limit } = flags;
  const { recipe, source, store } = await locateMeasured(file, flags);
  const measured = await withInterrupt((signal) =>
    estimateDifficulty(recipe, {
      source,
      store,
      limit,
      onPlan: (plan) => {
        output.event({ type: 'plan', ...plan });
        output.say(plan.text);
      },
      onDownload: output.progress,
      onProgress: (done, total) => output.progress('measuring', done, total),
      signal,
    }),
  );
  const report = reportDifficulty(measured.problems, measured.passRates, recipe);
  const { spending, sources } = measured;
  const spent = spending === undefined ? '' : `\nspent in total: ${describeSpending(spending)}`;
  const result = {
    store,
    model: measured.model,
    sources,
    ...(spending && { spending }),
    ...withoutText(report),
  };
  output.result(result, `\n${report.text}\n\nstored in ${store}${spent}`);
}

const withoutText = <Report extends { readonly text: string }>({ text: _, ...report }: Report) => report;

const showOne = ({ conditions, text }: StoredDifficulty): string =>
  `${describeConditions(conditions)}\n${text}`;
