import type { Command } from 'commander';
import { openRunReader } from '../runs/reading/run-reader.ts';
import { watchRun } from '../training/follow-run.ts';
import { type Output, outputOf } from './output.ts';
import { plainHelp, reportTo } from './training/training-watch.ts';

interface WatchFlags {
  readonly plain?: boolean;
}

/** `gradus runs watch`: shows the live screen of a run that another process is training. */
export function addWatchCommand(runs: Command): void {
  runs
    .command('watch')
    .description('follow a run that another process is training, until it ends')
    .argument('<run>', 'run directory')
    .option('--plain', plainHelp)
    .action(async (directory: string, { plain }: WatchFlags, command: Command) => {
      await watch(directory, outputOf(command), plain);
    });
}

async function watch(directory: string, output: Output, isPlain: boolean | undefined): Promise<void> {
  const report = reportTo(output, { isPlain });
  for await (const event of watchRun(directory)) report(event);
  using run = await openRunReader(directory);
  const { status, reason, step } = run.summary();
  output.result({ run: directory, status, reason, step }, `${directory} is ${status} after ${step} steps`);
}
