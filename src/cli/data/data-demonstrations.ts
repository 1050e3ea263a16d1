import { type Command, InvalidArgumentError } from 'commander';
import {
  buildDemonstrations,
  type DemonstrationType,
  demonstrationTypes,
} from '../../auditing/demonstrations.ts';
import { countOf } from '../../core/text/count.ts';
import { writeFileAtomic } from '../../storage/atomic.ts';
import { wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';
import { addForceOption, type ForceFlag, requireFreeOutput, requireLinesEnding } from './out-file.ts';

interface DemonstrationFlags extends ForceFlag {
  readonly mark: string;
  readonly out: string;
  readonly types: DemonstrationType[];
  readonly separator: string;
  readonly seed: number;
}

/** `gradus data demonstrations`: builds examples of correcting a step from a run's attempts. */
export function addDemonstrationsCommand(data: Command): void {
  addForceOption(data.command('demonstrations'))
    .description("build examples of checking and correcting a step from a run's own attempts")
    .argument('<run>', 'run directory, or a Parquet file of rollouts')
    .requiredOption('--mark <text>', 'text that starts a checking or correcting step')
    .requiredOption('--out <file>', '.jsonl file to write')
    .option(
      '--types <list>',
      'I: as written; II: mark before a right step; III: wrong step, mark, right step',
      typesOf,
      [...demonstrationTypes],
    )
    .option('--separator <text>', 'text between two steps; \\n is a line break', lineBreaks, '\n\n')
    .option('--seed <n>', 'seed for choosing the attempts', wholeNumber(), 0)
    .action(async (path: string, flags: DemonstrationFlags, command: Command) => {
      const { out } = flags;
      requireLinesEnding('--out', out);
      requireFreeOutput('--out', out, [path], flags);
      const rows = await buildDemonstrations(path, flags);
      await writeFileAtomic(out, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
      const perType = Object.fromEntries(
        flags.types.map((type) => [type, rows.filter((row) => row.type === type).length]),
      );
      outputOf(command).result(
        { demonstrations: rows.length, perType, out },
        `${countOf(rows.length, 'demonstration')}, ${rows.length / flags.types.length} of each type, in ${out}`,
      );
    });
}

/** Parses a comma-separated list of types. */
function typesOf(text: string): DemonstrationType[] {
  const types = text.split(',').map((one) => one.trim());
  const wrong = types.find((one) => !(demonstrationTypes as readonly string[]).includes(one));
  if (wrong !== undefined)
    throw new InvalidArgumentError(`expected types among ${demonstrationTypes.join(', ')}, got "${wrong}"`);
  return [...new Set(types as DemonstrationType[])];
}

/** Replaces each typed `\n` with a line break. */
const lineBreaks = (text: string): string => text.replaceAll('\\n', '\n');
