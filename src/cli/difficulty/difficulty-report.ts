import { basename } from 'node:path';
import type { Command } from 'commander';
import { writeFileAtomic } from '../../storage/atomic.ts';
import { difficultyReportPage } from '../../measuring/report/report-page.ts';
import { addLevelFlags, type LevelFlags, readLevelFlags } from './difficulty-levels.ts';
import { wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';

interface ReportFlags extends LevelFlags {
  readonly out: string;
  readonly attempts: number;
}

/** `gradus difficulty report`: writes a store as one self-contained HTML file. */
export function addDifficultyReportCommand(difficulty: Command): void {
  const command = difficulty
    .command('report')
    .description('write one HTML file: histograms, intervals, levels, cost, suspicious problems')
    .argument('<store>', "store written by gradus difficulty estimate, or a run's pass-rates.sqlite")
    .requiredOption('-o, --out <file>', 'HTML file to write');
  addLevelFlags(command)
    .option(
      '--attempts <n>',
      'number of attempts per problem for which to forecast level sizes',
      wholeNumber(2, 256),
      64,
    )
    .action(async (store: string, flags: ReportFlags, self: Command) => {
      const { stored, choice } = await readLevelFlags(store, flags);
      const title = `Difficulty report: ${choice.recipe?.name ?? basename(store)}`;
      await writeFileAtomic(flags.out, difficultyReportPage(title, stored, choice, flags.attempts));
      outputOf(self).result({ out: flags.out }, `report: ${flags.out}`);
    });
}
