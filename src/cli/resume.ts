import type { Command } from 'commander';
import { resumeTraining } from '../training/start.ts';
import { readRunResult } from '../training/summary.ts';
import { withInterrupt } from './interrupt.ts';
import { outputOf } from './output.ts';
import { formatResult, reportTo } from './training-watch.ts';

/** `gradus resume`: goes on where a run stopped, to the same end. */
export function addResumeCommand(program: Command): void {
  program
    .command('resume')
    .description('continue a run that was stopped')
    .argument('<run>', 'run directory')
    .action(async (directory: string, _options, command: Command) => {
      const output = outputOf(command);
      await withInterrupt((signal) => resumeTraining(directory, { signal, report: reportTo(output) }));
      const result = await readRunResult(directory);
      output.result(result, formatResult(result));
    });
}
