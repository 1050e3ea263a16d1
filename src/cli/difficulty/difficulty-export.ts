import { type Command, Option } from 'commander';
import { describeTrainerFile, type TrainerFile, trainerFormats } from '../../problems/output/trainer-file.ts';
import { exportDifficulty } from '../../measuring/report/export-difficulty.ts';
import { addLevelFlags, type LevelFlags, readLevelFlags } from './difficulty-levels.ts';
import { collect } from '../options.ts';
import { outputOf } from '../output.ts';

interface ExportFlags extends LevelFlags, Omit<TrainerFile, 'format' | 'difficultyOf'> {
  readonly to: TrainerFile['format'];
  readonly level: readonly string[];
}

/** `gradus difficulty export`: measured problems as any trainer wants them. */
export function addDifficultyExportCommand(difficulty: Command): void {
  const command = difficulty
    .command('export')
    .description('write problems for a trainer, with level, pass rate, interval and trials beside each')
    .argument('<store>', 'file made by difficulty estimate, or pass-rates.sqlite of a run')
    .requiredOption('--out <file>', 'the file to write')
    .addOption(
      new Option('--to <format>', 'verl: Parquet; trl and jsonl: JSON Lines; csv: a table')
        .choices(trainerFormats)
        .makeOptionMandatory(),
    );
  addLevelFlags(command)
    .option('--level <name>', 'only problems of this level; may be repeated', collect, [])
    .option('--data-source <name>', "verl's data_source; each problem's own source")
    .option('--split <name>', "verl's extra_info.split", 'train')
    .action(async (store: string, flags: ExportFlags, self: Command) => {
      const { to: format, level: only, recipe: _, preset: _p, model: _m, ...file } = flags;
      const { stored, choice } = await readLevelFlags(store, flags);
      const problems = await exportDifficulty(stored, { ...file, format, choice, only });
      outputOf(self).result({ problems, out: file.out }, describeTrainerFile(problems, { ...file, format }));
    });
}
