import { type Command, InvalidArgumentError, Option } from 'commander';
import { engineNames } from '../engines/config.ts';

/** Parses an option as a whole number from `least` to `most`. */
export const wholeNumber =
  (least = 0, most = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least && value <= most) return value;
    const upTo = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`expected a whole number ${upTo}`);
  };

/** Parses an option as a number of at least `least`, or above `least`. */
export const realNumber =
  (least: number, { above = false } = {}) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && (above ? value > least : value >= least))
      return value;
    throw new InvalidArgumentError(`expected a number ${above ? 'above' : 'of at least'} ${least}`);
  };

/** Collects the values of a repeatable option. */
export const collect = (value: string, before: readonly string[]): string[] => [...before, value];

/** Flags of `addEngineOptions`. */
export interface EngineFlags {
  readonly engine?: string | undefined;
  readonly set: readonly string[];
}

/**
 * Adds `--engine` and `--set` to a command that uses a model without a recipe; by default for engines with local
 * weights.
 */
export function addEngineOptions(command: Command, names: readonly string[] = engineNames): Command {
  const engine = new Option(
    '--engine <name>',
    "engine to compute on (default: the run's engine, else embedded)",
  );
  return command
    .addOption(engine.choices(names))
    .option('--set <setting=value>', 'override one setting of the engine; repeatable', collect, []);
}

/** Flags of `addTrustOption`. */
export interface TrustFlags {
  readonly trust?: boolean;
}

/** Adds `--trust`: allows executing the programs named by a run that was created elsewhere. */
export const addTrustOption = (command: Command): Command =>
  command.option('--trust', 'allow programs, modules and hosts named in a run that was made elsewhere');
