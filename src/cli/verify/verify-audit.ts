import { type Command, Option } from 'commander';
import { loadRecipe } from '../../recipe/load.ts';
import { auditVerdicts } from '../../auditing/audit-verdicts.ts';
import { storedDifferences } from '../../auditing/answer-differences.ts';
import { formatAudit } from '../../auditing/format-audit.ts';
import { formatDifferences } from '../../auditing/format-differences.ts';
import { withInterrupt } from '../interrupt.ts';
import { addTrustOption, type TrustFlags, wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';
import { countOf } from '../../core/text/count.ts';
import { RunError } from '../../core/errors.ts';
import type { VerdictAudit } from '../../auditing/audit-verdicts.ts';

interface Flags extends TrustFlags {
  readonly recipe?: string;
  readonly examples: number;
  readonly differences?: true;
}

/** `gradus verify audit`: judges stored rollouts again, or counts accepted answers that differ from the gold. */
export function addVerifyAuditCommand(verify: Command): void {
  const command = verify
    .command('audit')
    .description('judge stored rollouts again; report changed verdicts, bad golds, suspicious passes')
    .argument('<path>', 'run directory, or a Parquet file of rollouts')
    .option('--recipe <file>', "recipe with the verifiers and problems (default: the run's)")
    .option('--examples <n>', 'number of rollouts to show of each kind', wholeNumber(), 5)
    .addOption(
      new Option(
        '--differences',
        'judge nothing; count, by rule, the correct answers whose text differs from the gold',
      ).conflicts('recipe'),
    );
  addTrustOption(command).action(async (path: string, { recipe, examples, trust, differences }: Flags) => {
    const output = outputOf(command);
    if (differences === true) {
      const found = await withInterrupt((signal) => storedDifferences(path, { examples, signal }));
      output.result(found, formatDifferences(found));
      requireWhole(path, found.damaged);
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
    requireWhole(path, audit.damaged);
  });
}

/**
 * Ends the command with exit code 5, after its result, if files of rollouts could not be read.
 * @throws RunError (`RUN_SHARDS_DAMAGED`) that gives their number.
 */
function requireWhole(path: string, damaged: VerdictAudit['damaged']): void {
  if (damaged.length === 0) return;
  throw new RunError(
    `${path}: ${countOf(damaged.length, 'file')} of rollouts could not be read and ${damaged.length === 1 ? 'was' : 'were'} skipped; the result covers the rest. Restore ${damaged[0]!.file} from a copy`,
    { code: 'RUN_SHARDS_DAMAGED', tryNext: `gradus runs show ${path}` },
  );
}
