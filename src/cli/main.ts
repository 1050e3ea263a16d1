import { Command, CommanderError, Help, type Option } from 'commander';
import { ConfigError, firstError } from '../core/errors.ts';
import { readProvenance } from '../runs/writing/provenance.ts';
import { exitCodeOf, printError } from './output.ts';
import { explainSystemError } from '../storage/system-error.ts';
import { addDashboardCommand } from './dashboard.ts';
import { addDataCommand } from './data/data.ts';
import { addDemoCommand } from './demo.ts';
import { addDifficultyCommand } from './difficulty/difficulty.ts';
import { addDoctorCommand } from './doctor.ts';
import { addEvalCommand } from './eval.ts';
import { addInitModelCommand } from './init-model.ts';
import { addKnowledgeCommand } from './knowledge/knowledge.ts';
import { addModelsCommand } from './models.ts';
import { addResumeCommand } from './resume.ts';
import { addRunsCommand } from './runs.ts';
import { addSampleCommand } from './sample.ts';
import { addSftCommand } from './sft.ts';
import { addTrainCommand } from './train.ts';
import { addServeCommand } from './serve/serve.ts';
import { addVerifyCommand } from './verify/verify.ts';

const commands = [
  addDemoCommand,
  addTrainCommand,
  addResumeCommand,
  addEvalCommand,
  addRunsCommand,
  addDataCommand,
  addInitModelCommand,
  addModelsCommand,
  addKnowledgeCommand,
  addDifficultyCommand,
  addSftCommand,
  addSampleCommand,
  addVerifyCommand,
  addServeCommand,
  addDashboardCommand,
  addDoctorCommand,
];

/**
 * Runs the command line. Returns the exit code (see `exitCodeOf`); never throws.
 * @param argv like `process.argv`: two skipped entries, then the arguments.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const isJson = argv.includes('--json');
  const program = createProgram((await readProvenance(process.cwd())).packageVersion, isJson);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreClosedOutput);
  try {
    await program.parseAsync([...argv]);
    return 0;
  } catch (thrown) {
    const error = explainSystemError(firstError(thrown));
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const isUsage = error instanceof CommanderError;
    if (!isUsage || isJson) printError(isUsage ? usageError(error) : error, isJson, argv.slice(2));
    return isUsage ? 2 : exitCodeOf(error);
  }
}

/** Builds the commander program with every command. */
export function createProgram(version: string, isJson: boolean): Command {
  const program = new Command('gradus')
    .description('Difficulty-aware staged reinforcement learning for language models')
    .version(version)
    .option('--json', 'print JSON lines; the last one is the result')
    .configureHelp({ optionDescription })
    .configureOutput({
      getOutHelpWidth: () => Math.min(process.stdout.columns || 80, 100),
      ...(isJson && { writeErr: () => {} }),
    })
    .exitOverride();
  for (const add of commands) add(program);
  pointToHelp(program, 'gradus');
  return program;
}

/** Describes an option: marks a required one, and omits the empty default of a repeatable one. */
function optionDescription(option: Option): string {
  const text = new Help().optionDescription(option).replace(/ \(default: (?:\[\]|\{\})\)$/, '');
  return option.mandatory ? `${text} (required)` : text;
}

/** Ends usage errors with the `--help` of the command that failed. */
function pointToHelp(command: Command, words: string): void {
  command.showHelpAfterError(`try: ${words} --help`);
  for (const part of command.commands) pointToHelp(part, `${words} ${part.name()}`);
}

/** Converts a parser error to a `ConfigError`. */
const usageError = ({ message }: CommanderError): ConfigError =>
  new ConfigError(message.replace(/^error: /, ''), { code: 'USAGE', tryNext: 'gradus --help' });

/**
 * Ignores writes to a closed stdout or stderr (`gradus … | head`, a `tee` that Ctrl-C ended, a closed terminal), so that
 * work continues or stops cleanly.
 */
function ignoreClosedOutput(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
}
