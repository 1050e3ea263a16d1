import type { Command } from 'commander';
import { resumeTraining } from '../../training/start.ts';
import { readRunResult } from '../../training/summary.ts';
import { withInterrupt } from '../interrupt.ts';
import { addTrustOption, type TrustFlags } from '../options.ts';
import { outputOf } from '../output.ts';
import { formatResult, plainHelp, reportTo, requireHealthy } from './training-watch.ts';

interface ResumeFlags extends TrustFlags {
  readonly plain?: boolean;
}

/** `gradus resume`: continues a run from its newest checkpoint; the result equals that of an uninterrupted run. */
export function addResumeCommand(program: Command): void {
  const command = program
    .command('resume')
    .description('continue a stopped run from its newest checkpoint')
    .argument('<run>', 'run directory')
    .option('--plain', plainHelp);
  addTrustOption(command).action(async (directory: string, { plain, trust }: ResumeFlags) => {
    const output = outputOf(command);
    await withInterrupt((signal) =>
      resumeTraining(directory, {
        signal,
        trust,
        onDownload: output.progress,
        report: reportTo(output, { isPlain: plain }),
      }),
    );
    const result = await readRunResult(directory);
    output.result(result, formatResult(result));
    requireHealthy(result);
  });
}
