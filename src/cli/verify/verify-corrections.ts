import type { Command } from 'commander';
import { type Corrections, countCorrections } from '../../auditing/corrections.ts';
import { alignColumns } from '../../core/text/table.ts';
import { loadRecipe } from '../../recipe/load.ts';
import { withInterrupt } from '../interrupt.ts';
import { addTrustOption, type TrustFlags } from '../options.ts';
import { outputOf } from '../output.ts';

interface Flags extends TrustFlags {
  readonly mark: string;
  readonly recipe?: string;
}

/** `gradus verify corrections`: compares the verdict before a mark with the final verdict. */
export function addVerifyCorrectionsCommand(verify: Command): void {
  const command = verify
    .command('corrections')
    .description('judge stored attempts up to a mark, and compare with their final verdicts')
    .argument('<path>', 'run directory, or a Parquet file of rollouts')
    .requiredOption('--mark <text>', 'text that begins a correction')
    .option('--recipe <file>', "recipe with the verifiers and problems (default: the run's)");
  addTrustOption(command).action(async (path: string, { mark, recipe, trust }: Flags) => {
    const found = await withInterrupt(async (signal) =>
      countCorrections(path, mark, {
        recipe: recipe === undefined ? undefined : await loadRecipe(recipe),
        trust,
        signal,
      }),
    );
    outputOf(command).result(found, format(found));
  });
}

function format(found: Corrections): string {
  const { rollouts, marked, skipped, wrongToRight, wrongToWrong, rightToRight, rightToWrong } = found;
  const table = alignColumns(
    [
      ['before the mark', 'finally right', 'finally wrong'],
      ['right', String(rightToRight), String(rightToWrong)],
      ['wrong', String(wrongToRight), String(wrongToWrong)],
    ],
    { figuresFrom: 1 },
  );
  return `${marked} of ${rollouts} attempts wrote the mark${skipped > 0 ? `; ${skipped} not judged` : ''}\n${table}`;
}
