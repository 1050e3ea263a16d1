import type { Command } from 'commander';
import { locateModel } from '../../models/open-model.ts';
import { openTokenizer } from '../../engines/model-files/tokenizer.ts';
import { readRunAttempts } from '../../scorers/training/run-attempts.ts';
import { stepwiseRowOf } from '../../scorers/training/stepwise-rows.ts';
import { writeFileAtomic } from '../../storage/atomic.ts';
import { type ForceFlag, addForceOption, requireFreeOutput, requireLinesEnding } from '../data/out-file.ts';
import { addTrustOption, type TrustFlags, wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';

interface Flags extends TrustFlags, ForceFlag {
  readonly out: string;
  readonly since: number;
  readonly stepSeparator: string;
}

/** `gradus prm export`: writes a run's training rollouts as labelled steps, for TRL's `PRMTrainer`. */
export function addPrmExportCommand(prm: Command): void {
  const command = prm
    .command('export')
    .description("write training rollouts as labelled steps in TRL's stepwise format")
    .argument('<run>', 'run directory')
    .requiredOption('--out <file>', 'JSON Lines file to write')
    .option('--since <step>', 'leave out training rollouts before this step', wholeNumber(), 0)
    .option('--step-separator <text>', 'text that ends a step', '\n\n');
  addForceOption(addTrustOption(command)).action(async (run: string, flags: Flags) => {
    const { out, since, stepSeparator, trust } = flags;
    requireLinesEnding('--out', out);
    requireFreeOutput('--out', out, [], flags);
    const { folder } = await locateModel(run, { trust });
    const { decode } = await openTokenizer(folder);
    const { train } = await readRunAttempts(run, since);
    const rows = train.map((attempt) => stepwiseRowOf(attempt, stepSeparator, decode));
    await writeFileAtomic(out, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    outputOf(command).result({ out, rows: rows.length }, `${rows.length} rows written to ${out}`);
  });
}
