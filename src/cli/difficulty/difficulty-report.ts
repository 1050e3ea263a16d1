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

/** `gradus difficulty report`: a store as one HTML file to read, print or attach. */
export function addDifficultyReportCommand(difficulty: Command): void {
  const command = difficulty
    .command('report')
    .description('one HTML file: histograms, intervals, levels, cost, problems worth a look')
    .argument('<store>', 'file made by difficulty estimate, or pass-rates.sqlite of a run')
    .requiredOption('-o, --out <file>', 'the file to write');
  addLevelFlags(command)
    .option('--attempts <n>', 'attempts per problem that levels are about', wholeNumber(2, 256), 64)
    .action(async (store: string, flags: ReportFlags, self: Command) => {
      const { stored, choice } = await readLevelFlags(store, flags);
      const title = `How hard: ${choice.recipe?.name ?? basename(store)}`;
      await writeFileAtomic(flags.out, difficultyReportPage(title, stored, choice, flags.attempts));
      outputOf(self).result({ out: flags.out }, `report: ${flags.out}`);
    });
}
