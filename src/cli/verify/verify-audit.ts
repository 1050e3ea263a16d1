import type { Command } from 'commander';
import { loadRecipe } from '../../recipe/load.ts';
import { auditVerdicts } from '../../auditing/audit-verdicts.ts';
import { formatAudit } from '../../auditing/format-audit.ts';
import { withInterrupt } from '../interrupt.ts';
import { addTrustOption, type TrustFlags, wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';

interface Flags extends TrustFlags {
  readonly recipe?: string;
  readonly examples: number;
}

/** `gradus verify audit`: judges stored rollouts again and reports changed verdicts. */
export function addVerifyAuditCommand(verify: Command): void {
  addTrustOption(verify.command('audit'))
    .description('judge stored rollouts again; report changed verdicts, bad golds, suspicious passes')
    .argument('<path>', 'run directory, or a Parquet file of rollouts')
    .option('--recipe <file>', 'recipe with the verifiers and problems (default: of the run)')
    .option('--examples <n>', 'rollouts to show of each kind', wholeNumber(), 5)
    .action(async (path: string, { recipe, examples, trust }: Flags, command: Command) => {
      const output = outputOf(command);
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
