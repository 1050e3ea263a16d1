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

/** `gradus difficulty export`: writes measured problems in a trainer's format. */
export function addDifficultyExportCommand(difficulty: Command): void {
  const command = difficulty
    .command('export')
    .description('write problems for a trainer, with level, pass rate, interval and trials')
    .argument('<store>', "store written by gradus difficulty estimate, or a run's pass-rates.sqlite")
    .requiredOption('--out <file>', 'file to write')
    .addOption(
      new Option(
        '--to <format>',
        'verl and easyr1: Parquet; trl, llama-factory and jsonl: JSON Lines; csv: a table',
      )
        .choices(trainerFormats)
        .makeOptionMandatory(),
    );
  addLevelFlags(command)
    .option('--level <name>', 'export only problems of this level; repeatable', collect, [])
    .option('--data-source <name>', "verl's data_source (default: each problem's source)")
    .option('--split <name>', "verl's extra_info.split", 'train')
    .action(async (store: string, flags: ExportFlags, self: Command) => {
      const { to: format, level: only, recipe: _, preset: _p, model: _m, ...file } = flags;
      const { stored, choice } = await readLevelFlags(store, flags);
      const problems = await exportDifficulty(stored, { ...file, format, choice, only });
      outputOf(self).result({ problems, out: file.out }, describeTrainerFile(problems, { ...file, format }));
    });
}
