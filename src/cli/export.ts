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

/** `gradus runs export`: writes a run as an HTML page, or its metrics to TensorBoard, W&B or trackio. */
export function addExportCommand(runs: Command): void {
  runs
    .command('export')
    .description('write a run as one HTML page, or its metrics for another tool; choose one target')
    .argument('<run>', 'run directory')
    .option('--html <file>', 'self-contained HTML page to write, or a folder to put it in')
    .option(
      '--max-size <megabytes>',
      'size limit of the page; a larger run keeps its newest and worst rows',
      wholeNumber(1),
      20,
    )
    .option('--tensorboard <folder>', 'log folder to write TensorBoard event files to')
    .option('--wandb', 'upload to the W&B server at WANDB_BASE_URL, with the key in WANDB_API_KEY')
    .option('--wandb-offline <folder>', 'folder to write for `wandb sync`')
    .option('--trackio <folder>', 'TRACKIO_DIR to write the project database to')
    .addOption(
      new Option('--names <whose>', 'use the names of this tool for the metrics that it also has')
        .choices(nameProfiles)
        .default('gradus'),
    )
    .option('--follow', 'keep exporting until the run ends')
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
        `exported ${steps} steps of ${directory} to ${place}`,
      );
    });
}

/** Returns the only target in the flags. @throws ConfigError unless exactly one is given. */
function only<T>({ html, tensorboard, wandb, wandbOffline, trackio }: ExportFlags, place: T): T {
  const named = [html, tensorboard, wandb, wandbOffline, trackio].filter((one) => one !== undefined);
  if (named.length === 1) return place;
  throw new ConfigError(
    `expected one target (--html, --tensorboard, --wandb, --wandb-offline or --trackio), got ${named.length}`,
    {
      tryNext: 'gradus runs export --help',
    },
  );
}

/** Returns the sink of the target in the flags. */
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
