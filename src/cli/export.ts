import { type Command, Option } from 'commander';
import { ConfigError } from '../core/errors.ts';
import { exportRun, type NameProfile, nameProfiles } from '../runs/exporters/export-run.ts';
import type { ExportedRun, RunSink } from '../runs/exporters/sink.ts';
import { tensorboardSink } from '../runs/exporters/tensorboard.ts';
import { trackioSink } from '../runs/exporters/trackio.ts';
import { wandbAccess, wandbLiveSink } from '../runs/exporters/wandb-live.ts';
import { wandbOfflineSink } from '../runs/exporters/wandb-offline.ts';
import { formatHtmlExport, writeHtml } from './export-html.ts';
import { withInterrupt } from './interrupt.ts';
import { wholeNumber } from './options.ts';
import { outputOf } from './output.ts';

interface ExportFlags {
  readonly html?: string;
  readonly maxSize: number;
  readonly tensorboard?: string;
  readonly wandb?: true;
  readonly wandbOffline?: string;
  readonly trackio?: string;
  readonly names: NameProfile;
  readonly follow?: boolean;
}

/** `gradus runs export`: a run as one page, or its numbers where a team already looks. */
export function addExportCommand(runs: Command): void {
  runs
    .command('export')
    .description('a run as a page of its own, or its numbers for another tool; name one')
    .argument('<run>', 'run directory')
    .option('--html <file>', 'one page that opens from a disk and asks for nothing; or a folder to put it in')
    .option(
      '--max-size <megabytes>',
      'of the page: of a large run it holds the newest and the worst',
      wholeNumber(1),
      20,
    )
    .option('--tensorboard <folder>', 'event files, below this log folder')
    .option('--wandb', 'to the W&B server of WANDB_BASE_URL, with the key in WANDB_API_KEY')
    .option('--wandb-offline <folder>', 'a folder that `wandb sync` uploads')
    .option('--trackio <folder>', 'a project database below this TRACKIO_DIR')
    .addOption(
      new Option('--names <whose>', 'names of metrics, where the other trainer has one')
        .choices(nameProfiles)
        .default('gradus'),
    )
    .option('--follow', 'go on until the run has ended')
    .action(async (directory: string, flags: ExportFlags, command: Command) => {
      if (flags.html !== undefined) {
        const page = await writeHtml(directory, only(flags, flags.html), flags.maxSize * 1e6);
        outputOf(command).result({ run: directory, ...page }, formatHtmlExport(directory, page));
        return;
      }
      const { names, follow = false } = flags;
      const { open, place } = sinkOf(flags);
      const { steps } = await withInterrupt((signal) =>
        exportRun(directory, open, { names, follow, signal }),
      );
      outputOf(command).result(
        { run: directory, steps, place },
        `${steps} steps of ${directory} are in ${place}`,
      );
    });
}

/** @throws ConfigError unless one tool is named. */
function only<T>({ html, tensorboard, wandb, wandbOffline, trackio }: ExportFlags, place: T): T {
  const named = [html, tensorboard, wandb, wandbOffline, trackio].filter((one) => one !== undefined);
  if (named.length === 1) return place;
  throw new ConfigError(`expected one tool to export to, got ${named.length}`, {
    tryNext: 'gradus runs export --help',
  });
}

/** The one sink that is named. */
function sinkOf(flags: ExportFlags): { place: string; open: (run: ExportedRun) => Promise<RunSink> } {
  const { tensorboard, wandbOffline, trackio } = only(flags, flags);
  if (tensorboard !== undefined)
    return { place: tensorboard, open: (run) => tensorboardSink(tensorboard, run) };
  if (trackio !== undefined) return { place: trackio, open: (run) => trackioSink(trackio, run) };
  if (wandbOffline !== undefined)
    return { place: wandbOffline, open: (run) => wandbOfflineSink(wandbOffline, run) };
  const access = wandbAccess(process.env);
  return { place: access.baseUrl, open: (run) => wandbLiveSink(access, run) };
}
