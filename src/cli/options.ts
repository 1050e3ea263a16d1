import { type Command, InvalidArgumentError, Option } from 'commander';
import { engineNames } from '../engines/config.ts';

/** Reads an option as a whole number of at least `least` and at most `most`. */
export const wholeNumber =
  (least = 0, most = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least && value <= most) return value;
    const upTo = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`expected a whole number ${upTo}`);
  };

/** Reads an option as a number from `least` on, or above it. */
export const realNumber =
  (least: number, { above = false } = {}) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && (above ? value > least : value >= least))
      return value;
    throw new InvalidArgumentError(`expected a number ${above ? 'above' : 'of at least'} ${least}`);
  };

/** An option that may be given several times. */
export const collect = (value: string, before: readonly string[]): string[] => [...before, value];

/** What `addEngineOptions` adds. */
export interface EngineFlags {
  readonly engine?: string | undefined;
  readonly set: readonly string[];
}

/** How a command that has a model and no recipe is told which engine computes. */
export function addEngineOptions(command: Command): Command {
  const engine = new Option('--engine <name>', "what computes; default: a run's own engine, else embedded");
  return command
    .addOption(engine.choices(engineNames))
    .option('--set <setting=value>', 'change one setting of the engine; may be repeated', collect, []);
}

/** What `addTrustOption` adds. */
export interface TrustFlags {
  readonly trust?: boolean;
}

/** Lets a command run what a run from elsewhere names. */
export const addTrustOption = (command: Command): Command =>
  command.option(
    '--trust',
    'run the engine command, Python files and modules that a run from elsewhere names',
  );
