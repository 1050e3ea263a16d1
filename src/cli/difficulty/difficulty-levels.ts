import { type Command, InvalidArgumentError, Option } from 'commander';
import { loadRecipe } from '../../recipe/load.ts';
import { reportLevels } from '../../measuring/report/level-report.ts';
import { type LevelChoice, levelSubjects } from '../../measuring/report/level-subjects.ts';
import { readMeasurements, type StoredMeasurements } from '../../measuring/stored-difficulty.ts';
import { wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';

/** Flags of commands that sort the problems in a store into levels. */
export interface LevelFlags {
  readonly recipe?: string;
  readonly preset?: 'simple' | 'paper';
  readonly model: ReadonlyMap<string, string>;
}

/** Adds the flags that select the levels. */
export function addLevelFlags(command: Command): Command {
  return command
    .option('--recipe <file>', 'recipe with the problems and levels')
    .addOption(
      new Option('--preset <name>', "levels to use (default: the recipe's, else simple)").choices([
        'simple',
        'paper',
      ]),
    )
    .option(
      '--model <label=model>',
      'model in the store (name or prefix) to use for a label in the levels; repeatable',
      collectLabel,
      new Map<string, string>(),
    );
}

/** Reads a store and the levels that the flags select. */
export async function readLevelFlags(
  store: string,
  { recipe: file, preset, model }: LevelFlags,
): Promise<{ stored: StoredMeasurements; choice: LevelChoice }> {
  const recipe = file === undefined ? undefined : await loadRecipe(file);
  return { stored: await readMeasurements(store, recipe), choice: { labels: model, recipe, preset } };
}

/** `gradus difficulty levels`: shows level sizes, their certainty, and the effect of more attempts. */
export function addLevelsCommand(difficulty: Command): void {
  const command = difficulty
    .command('levels')
    .description('show level sizes, their certainty, and the effect of more attempts')
    .argument('<store>', "store written by gradus difficulty estimate, or a run's pass-rates.sqlite");
  addLevelFlags(command)
    .option(
      '--attempts <n>',
      'number of attempts per problem for which to forecast level sizes',
      wholeNumber(2, 256),
      64,
    )
    .action(async (store: string, flags: LevelFlags & { readonly attempts: number }, self: Command) => {
      const { stored, choice } = await readLevelFlags(store, flags);
      const { text, ...report } = reportLevels(levelSubjects(stored, choice), flags.attempts);
      outputOf(self).result(report, text);
    });
}

function collectLabel(text: string, before: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const [label, model] = [text.slice(0, Math.max(0, text.indexOf('='))), text.slice(text.indexOf('=') + 1)];
  if (label === '' || model === '')
    throw new InvalidArgumentError('expected label=model, e.g. small=84511e9d');
  return new Map([...before, [label, model]]);
}
