import type { Command } from 'commander';
import { resumeTraining } from '../training/start.ts';
import { readRunResult } from '../training/summary.ts';
import { withInterrupt } from './interrupt.ts';
import { outputOf } from './output.ts';
import { formatResult, plainHelp, reportTo } from './training-watch.ts';

/** `gradus resume`: goes on where a run stopped, to the same end. */
export function addResumeCommand(program: Command): void {
  program
    .command('resume')
    .description('continue a run that was stopped')
    .argument('<run>', 'run directory')
    .option('--plain', plainHelp)
    .action(async (directory: string, { plain }: { readonly plain?: boolean }, command: Command) => {
      const output = outputOf(command);
      await withInterrupt((signal) =>
        resumeTraining(directory, {
          signal,
          onDownload: output.progress,
          report: reportTo(output, { isPlain: plain }),
        }),
      );
      const result = await readRunResult(directory);
      output.result(result, formatResult(result));
    });
}
