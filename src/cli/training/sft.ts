import { type Command, Option } from 'commander';
import { basename, join, resolve } from 'node:path';
import { hashKey } from '../../core/rng.ts';
import { locateModel } from '../../models/open-model.ts';
import { addTokens } from '../../models/new-model/add-tokens.ts';
import { exists, writeFolderAtomic } from '../../storage/atomic.ts';
import { fineTuningRecipe } from '../../training/stages/fine-tune.ts';
import { startTraining } from '../../training/start.ts';
import { readRunResult } from '../../training/summary.ts';
import { withInterrupt } from '../interrupt.ts';
import {
  addEngineOptions,
  addTrustOption,
  collect,
  type EngineFlags,
  realNumber,
  type TrustFlags,
  wholeNumber,
} from '../options.ts';
import { outputOf } from '../output.ts';
import { formatResult, plainHelp, reportTo, requireHealthy } from './training-watch.ts';

interface SftOptions extends EngineFlags, TrustFlags {
  readonly runs: string;
  readonly name: string;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly warmup: number;
  readonly weightDecay: number;
  readonly schedule: 'constant' | 'cosine';
  readonly seed: number;
  readonly exportType: 'bf16' | 'f32';
  readonly maxSteps?: number;
  readonly heldOut: number;
  readonly checkpointEvery: number;
  readonly target: readonly string[];
  readonly retain: readonly string[];
  readonly recipe?: string;
  readonly maxTokens: number;
  readonly plain?: boolean;
  readonly addTokens: readonly string[];
}

/** `gradus sft`: fine-tunes a model on examples (supervised learning), in a new run directory. */
export function addSftCommand(program: Command): void {
  addTrustOption(addEngineOptions(program.command('sft')))
    .description('fine-tune a model on examples (supervised learning), in a new run directory')
    .argument('<model>', 'model folder or finished run')
    .argument('<examples>', 'JSON Lines of {"prompt": text or messages, "completion": text}')
    .option('--runs <folder>', 'folder to create the run directory in', 'runs')
    .option('--name <name>', 'first part of the name of the run directory', 'sft')
    .option('--epochs <n>', 'passes over the examples', realNumber(0, { above: true }), 1)
    .option('--batch-size <n>', 'examples per step', wholeNumber(1), 32)
    .option('--learning-rate <rate>', 'learning rate of AdamW', realNumber(0, { above: true }), 1e-5)
    .option('--warmup <steps>', 'steps of linear warm-up from 0', wholeNumber(), 0)
    .option('--weight-decay <rate>', 'weight decay of AdamW', realNumber(0), 0)
    .addOption(scheduleOption)
    .option('--seed <n>', 'seed of the order of the examples', wholeNumber(), 0)
    .addOption(exportTypeOption)
    .option('--max-steps <n>', 'stop after this many steps', wholeNumber(1))
    .option('--held-out <share>', 'share of the prompts kept for the held-out loss', realNumber(0), 0)
    .option('--checkpoint-every <steps>', 'steps between checkpoints', wholeNumber(1), 50)
    .option(
      '--target <suite>',
      'suite that tests what the examples teach: published, from --recipe, or a problem file; repeatable',
      collect,
      [],
    )
    .option('--retain <suite>', 'suite that tests what the model must not forget; repeatable', collect, [])
    .option('--recipe <file>', 'recipe with the suites and verifiers')
    .option(
      '--max-tokens <n>',
      'maximum answer length in tokens, for suites that are files',
      wholeNumber(1),
      512,
    )
    .option(
      '--add-tokens <list>',
      'tokens to add to the vocabulary first, separated by commas',
      commaList,
      [],
    )
    .option('--plain', plainHelp)
    .action(async (model: string, examples: string, options: SftOptions, command: Command) => {
      const output = outputOf(command);
      const { learningRate, weightDecay, warmup: warmupSteps, schedule, engine, set, runs, plain } = options;
      const recipe = await fineTuningRecipe({
        ...options,
        model: options.addTokens.length === 0 ? model : await withTokens(model, runs, options),
        examples,
        engine: { engine, set },
        optimizer: { learningRate, weightDecay, warmupSteps, schedule },
      });
      const directory = await withInterrupt((signal) =>
        startTraining(recipe, runs, {
          signal,
          onDownload: output.progress,
          report: reportTo(output, { isPlain: plain }),
        }),
      );
      const result = await readRunResult(directory);
      output.result(result, formatResult(result));
      requireHealthy(result);
    });
}

const commaList = (text: string): string[] => text.split(',').filter((one) => one !== '');

/**
 * Writes the model with additional tokens to the folder of runs, where a resumed run finds it; returns the model's
 * folder.
 */
async function withTokens(
  model: string,
  runs: string,
  { addTokens: tokens, trust }: Pick<SftOptions, 'addTokens' | 'trust'>,
): Promise<string> {
  const source = await locateModel(model, { trust });
  const name = `${basename(source.folder)}-${hashKey(resolve(source.folder), ...tokens).toString(36)}`;
  const folder = join(runs, '.models', name);
  if (!(await exists(folder)))
    await writeFolderAtomic(folder, async (draft) => {
      await addTokens(source.folder, draft, tokens);
    });
  return folder;
}

const scheduleOption = new Option('--schedule <shape>', 'learning rate after the warm-up')
  .choices(['constant', 'cosine'])
  .default('constant');
const exportTypeOption = new Option('--export-type <type>', 'number type of the written weights')
  .choices(['bf16', 'f32'])
  .default('bf16');
