import { type Command, Option } from 'commander';
import { readFileProblems } from '../../problems/read-file-source.ts';
import { statedDifficulty } from '../../problems/output/difficulty.ts';
import {
  describeTrainerFile,
  type TrainerFile,
  trainerFormats,
  writeForTrainer,
} from '../../problems/output/trainer-file.ts';
import { problemFile } from './data-flags.ts';
import { outputOf } from '../output.ts';
import { addForceOption, type ForceFlag, requireFreeOutput } from './out-file.ts';

interface ExportOptions extends Omit<TrainerFile, 'difficultyOf'>, ForceFlag {
  readonly model?: string;
}

/** `gradus data export`: writes problems in a trainer's format. */
export function addExportCommand(data: Command): void {
  addForceOption(data.command('export'))
    .description('write problems in the format of a trainer, with pass rate, interval and trials')
    .argument('<file>', 'problems, as gradus data import writes them')
    .requiredOption('--out <file>', 'file to write')
    .addOption(
      new Option(
        '--format <name>',
        'verl and easyr1: Parquet; trl, llama-factory and jsonl: JSON Lines; csv: a table',
      )
        .choices(trainerFormats)
        .makeOptionMandatory(),
    )
    .option(
      '--model <name>',
      'write the pass rates stated for this model (default: the first one stated for each problem)',
    )
    .option('--data-source <name>', "verl's data_source (default: each problem's source)")
    .option('--split <name>', "verl's extra_info.split", 'train')
    .action(async (path: string, options: ExportOptions, command: Command) => {
      requireFreeOutput('--out', options.out, [path], options);
      const problems = readFileProblems(problemFile(path), '.');
      const { model, force: _, ...file } = options;
      const count = await writeForTrainer(problems, { ...file, difficultyOf: statedDifficulty(model) });
      outputOf(command).result({ problems: count, out: options.out }, describeTrainerFile(count, options));
    });
}
