import { Command, CommanderError } from 'commander';
import { readProvenance } from '../runs/provenance.ts';
import { exitCodeOf, printError } from './output.ts';
import { addDataCommand } from './data.ts';
import { addDemoCommand } from './demo.ts';
import { addDifficultyCommand } from './difficulty.ts';
import { addDoctorCommand } from './doctor.ts';
import { addEvalCommand } from './eval.ts';
import { addResumeCommand } from './resume.ts';
import { addRunsCommand } from './runs.ts';
import { addSampleCommand } from './sample.ts';
import { addSftCommand } from './sft.ts';
import { addTrainCommand } from './train.ts';

const commands = [
  addDemoCommand,
  addTrainCommand,
  addResumeCommand,
  addEvalCommand,
  addRunsCommand,
  addDataCommand,
  addDifficultyCommand,
  addSftCommand,
  addSampleCommand,
  addDoctorCommand,
];

/**
 * Runs the command line. Returns the exit code (see `exitCodeOf`); never throws.
 * @param argv as `process.argv`: two entries to skip, then the words.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const { packageVersion } = await readProvenance(process.cwd());
  const program = new Command('gradus')
    .description('Difficulty-aware staged reinforcement learning for language models')
    .version(packageVersion)
    .option('--json', 'print JSON lines; the last one is the result')
    .showHelpAfterError('try: gradus --help')
    .exitOverride();
  for (const add of commands) add(program);
  try {
    await program.parseAsync([...argv]);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    printError(error, argv.includes('--json'));
    return exitCodeOf(error);
  }
}
