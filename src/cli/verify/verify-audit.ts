import { type Command, Option } from 'commander';
import { loadRecipe } from '../../recipe/load.ts';
import { auditVerdicts } from '../../auditing/audit-verdicts.ts';
import { storedDifferences } from '../../auditing/answer-differences.ts';
import { formatAudit } from '../../auditing/format-audit.ts';
import { formatDifferences } from '../../auditing/format-differences.ts';
import { withInterrupt } from '../interrupt.ts';
import { addTrustOption, type TrustFlags, wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';

interface Flags extends TrustFlags {
  readonly recipe?: string;
  readonly examples: number;
  readonly differences?: true;
}

/** `gradus verify audit`: judges stored rollouts again, or lists the differences from the gold that were accepted. */
export function addVerifyAuditCommand(verify: Command): void {
  const command = verify
    .command('audit')
    .description('judge stored rollouts again; report changed verdicts, bad golds, suspicious passes')
    .argument('<path>', 'run directory, or a Parquet file of rollouts')
    .option('--recipe <file>', 'recipe with the verifiers and problems (default: of the run)')
    .option('--examples <n>', 'rollouts to show of each kind', wholeNumber(), 5)
    .addOption(
      new Option(
        '--differences',
        'judge nothing: count by rule the correct answers that differ from the gold as text',
      ).conflicts('recipe'),
    );
  addTrustOption(command).action(async (path: string, { recipe, examples, trust, differences }: Flags) => {
    const output = outputOf(command);
    if (differences === true) {
      const found = await withInterrupt((signal) => storedDifferences(path, { examples, signal }));
      output.result(found, formatDifferences(found));
      return;
    }
    const audit = await withInterrupt(async (signal) =>
      auditVerdicts(path, {
        recipe: recipe === undefined ? undefined : await loadRecipe(recipe),
        examples,
        trust,
        signal,
        onProgress: (done, total) => output.progress('judging again', done, total),
      }),
    );
    output.result(audit, formatAudit(audit));
  });
}
