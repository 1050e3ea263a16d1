import { Command, CommanderError, Help, type Option } from 'commander';
import { ConfigError, firstError } from '../core/errors.ts';
import { readProvenance } from '../runs/writing/provenance.ts';
import { type CommandEntry, commands, nameOf } from './commands.ts';
import { exitCodeOf, printError } from './output.ts';
import { explainSystemError } from '../storage/system-error.ts';

/**
 * Runs the command line. Returns the exit code (see `exitCodeOf`); never throws.
 * @param argv like `process.argv`: two ignored entries, then the arguments.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const isJson = argv.includes('--json');
  const { packageVersion } = await readProvenance(process.cwd());
  const program = createProgram(packageVersion, isJson, await loadCommands(argv.slice(2)));
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

/**
 * Loads the command named in the arguments, or all commands for `help`. Otherwise, only lists the commands, which
 * suffices for `--help`.
 */
async function loadCommands(words: readonly string[]): Promise<AddCommand[]> {
  const name = words.find((word) => !word.startsWith('-'));
  const wanted = name === 'help' ? commands : commands.filter((entry) => nameOf(entry) === name);
  const loaded = await Promise.all(wanted.map((entry) => entry.load()));
  return loaded.length > 0 ? loaded : commands.map(addListed);
}

type AddCommand = (program: Command) => void;

/** Adds a command's line to `--help`, without its options. */
export const addListed =
  ({ usage, description }: CommandEntry): AddCommand =>
  (program) =>
    void program.command(usage).description(description);

/** Builds the commander program with these commands. */
export function createProgram(version: string, isJson: boolean, added: readonly AddCommand[]): Command {
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
  for (const add of added) add(program);
  pointToHelp(program, 'gradus');
  return program;
}

/** Describes an option: marks a required one, and omits the empty default of a repeatable one. */
function optionDescription(option: Option): string {
  const text = new Help().optionDescription(option).replace(/ \(default: (?:\[\]|\{\})\)$/, '');
  return option.mandatory ? `${text} (required)` : text;
}

/** Makes usage errors suggest running the failed command with `--help`. */
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
