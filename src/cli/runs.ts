import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { RunError } from '../core/errors.ts';
import { comparePlan, formatComparison } from '../planning/compare-plan.ts';
import { readPlan } from '../planning/plan-file.ts';
import { readAnnotations } from '../runs/files/annotations.ts';
import { readDataFile } from '../runs/files/data-file.ts';
import { trashOf } from '../runs/files/layout.ts';
import { formatRun, formatRunList } from '../runs/reading/format-runs.ts';
import { listRuns } from '../runs/reading/list-runs.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';
import { restoreRun } from '../runs/writing/trash.ts';
import { addCompareCommand } from './compare.ts';
import { outputOf } from './output.ts';
import { addExportCommand } from './export.ts';
import { addWatchCommand } from './watch.ts';

/** Rejects a missing folder, except the default, which may not exist yet. */
function requireFolder(folder: string): void {
  if (existsSync(folder)) return;
  throw new RunError(`${folder}: expected a folder of runs, found nothing there`, {
    code: 'RUN_NOT_FOUND',
    tryNext: 'gradus runs list',
  });
}

/** `gradus runs list|show|compare|watch|export|restore`: lists, shows, compares, watches, exports and restores runs. */
export function addRunsCommand(program: Command): void {
  const runs = program.command('runs').description('list, show, compare, watch, export and restore runs');
  runs
    .command('list')
    .description('list the runs of a folder, one line each')
    .argument('[folder]', 'folder of runs', 'runs')
    .action(async (folder: string, _options, command: Command) => {
      if (command.args.length > 0) requireFolder(folder);
      const listings = await listRuns(folder);
      outputOf(command).result(listings, formatRunList(listings));
    });
  runs
    .command('show')
    .description("show a run's status, stages and last metrics")
    .argument('<run>', 'run directory')
    .action(async (directory: string, _options, command: Command) => {
      using run = await openRunReader(directory);
      const data = await readDataFile(directory);
      const annotations = await readAnnotations(directory);
      const planned = await readPlan(directory);
      const plan = planned && comparePlan(planned, run);
      outputOf(command).result(
        {
          summary: run.summary(),
          stages: run.stages(),
          metrics: run.metricsAt(run.summary().step),
          evaluations: run.evaluations(),
          events: run.events(),
          data,
          annotations,
          ...(plan !== undefined && { plan }),
        },
        [formatRun(run, data, annotations), ...(plan === undefined ? [] : [formatComparison(plan)])].join(
          '\n\n',
        ),
      );
    });
  runs
    .command('restore')
    .description('restore a run from the trash of the dashboard; without a name, list the trash')
    .argument('[run]', 'folder of the run in the trash')
    .option('--runs <folder>', 'folder of runs', 'runs')
    .action(async (folder: string | undefined, { runs: root }: { runs: string }, command: Command) => {
      const output = outputOf(command);
      if (folder === undefined) {
        const listings = await listRuns(trashOf(root));
        output.result(listings, listings.length === 0 ? 'the trash is empty' : formatRunList(listings));
        return;
      }
      const directory = await restoreRun(root, folder);
      output.result({ run: directory }, `restored ${directory}`);
    });
  addCompareCommand(runs);
  addWatchCommand(runs);
  addExportCommand(runs);
}
