import { type Command, InvalidArgumentError, Option } from 'commander';
import { formatRace } from '../../training/race/format-race.ts';
import { parseRace, raceMeasures, runRace } from '../../training/race/run-race.ts';
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
import { type Output, outputOf } from '../output.ts';

interface RaceFlags extends EngineFlags, TrustFlags {
  readonly out: string;
  readonly batchSize: readonly number[];
  readonly learningRate: readonly number[];
  readonly schedule: readonly string[];
  readonly rungs: readonly number[];
  readonly keep: number;
  readonly audit: number;
  readonly choose: string;
  readonly epochs: number;
  readonly warmup: number;
  readonly weightDecay: number;
  readonly seed: number;
  readonly exportType: 'bf16' | 'f32';
  readonly heldOut: number;
  readonly target: readonly string[];
  readonly retain: readonly string[];
  readonly recipe?: string;
  readonly maxTokens: number;
}

/** `gradus race`: races settings for supervised fine-tuning. */
export function addRaceCommand(program: Command): void {
  addTrustOption(addEngineOptions(program.command('race')))
    .description('find settings for gradus sft: train every combination briefly, the best to the end')
    .argument('<model>', 'model folder or finished run')
    .argument('<examples>', 'JSON Lines of {"prompt": text or messages, "completion": text}')
    .requiredOption('--out <folder>', 'folder of the race; the same command continues an interrupted race')
    .option('--batch-size <list>', 'examples per step, e.g. 8,32,128', listOf(wholeNumber(1)), [32])
    .option(
      '--learning-rate <list>',
      'learning rates of AdamW, e.g. 1e-5,3e-5',
      listOf(realNumber(0, { above: true })),
      [1e-5],
    )
    .option(
      '--schedule <list>',
      'learning-rate schedules after the warm-up: constant, cosine',
      listOf(String),
      ['constant'],
    )
    .requiredOption(
      '--target <suite>',
      'suite that tests what the examples teach: published, from --recipe, or a problem file; repeatable',
      collect,
      [],
    )
    .requiredOption(
      '--retain <suite>',
      'suite that tests what the model must not forget; repeatable',
      collect,
      [],
    )
    .addOption(
      new Option('--choose <measure>', 'accuracy to maximise: target, retained, or the mean of both')
        .choices(raceMeasures)
        .default('target'),
    )
    .option(
      '--rungs <list>',
      'fractions of training after which the weakest settings stop',
      listOf(realNumber(0)),
      [0.1, 0.3],
    )
    .addOption(
      new Option('--keep <share>', 'share of the settings that a rung keeps')
        .argParser(realNumber(0, { above: true }))
        .default(1 / 3, '1/3'),
    )
    .option(
      '--audit <share>',
      'share of the stopped settings to train to the end as a check',
      realNumber(0),
      0.25,
    )
    .option('--epochs <n>', 'passes over the examples', realNumber(0, { above: true }), 1)
    .option('--warmup <steps>', 'steps of linear warm-up from 0', wholeNumber(), 0)
    .option('--weight-decay <rate>', 'weight decay of AdamW', realNumber(0), 0)
    .option('--seed <n>', 'seed of the order of the examples and of the audits', wholeNumber(), 0)
    .addOption(
      new Option('--export-type <type>', 'number type of the written weights')
        .choices(['bf16', 'f32'])
        .default('bf16'),
    )
    .option('--held-out <share>', 'share of the prompts kept for the held-out loss', realNumber(0), 0.1)
    .option('--recipe <file>', 'recipe with the suites and verifiers')
    .option(
      '--max-tokens <n>',
      'maximum answer length in tokens, for suites that are files',
      wholeNumber(1),
      512,
    )
    .action((model: string, examples: string, flags: RaceFlags, command: Command) =>
      raceSettings(model, examples, flags, outputOf(command)),
    );
}

/** Races the settings and prints the report. */
async function raceSettings(
  model: string,
  examples: string,
  flags: RaceFlags,
  output: Output,
): Promise<void> {
  const { out: folder, batchSize, learningRate, schedule, rungs, keep, audit, choose, ...rest } = flags;
  const { engine, set, weightDecay, warmup: warmupSteps, ...settings } = rest;
  const { seed } = flags;
  const sweep = { batchSize, learningRate, schedule };
  const race = parseRace({ sweep, rungs, keep, audit, choose, seed });
  const watch = {
    onDownload: output.progress,
    report: (event: { readonly type: string; readonly run?: string }) => {
      if (event.type === 'run-start') output.say(`trial: ${event.run}`);
    },
  };
  const report = await withInterrupt((signal) =>
    runRace(
      {
        ...settings,
        model,
        examples,
        folder,
        race,
        engine: { engine, set },
        optimizer: { weightDecay, warmupSteps },
      },
      { ...watch, signal },
    ),
  );
  output.result(report, formatRace(report));
}

/** Parses a comma-separated list, each item with `parse`. */
function listOf<Item>(parse: (text: string) => Item): (text: string) => Item[] {
  return (text) => {
    const items = text.split(',').map((item) => item.trim());
    if (items.includes('')) throw new InvalidArgumentError('expected a comma-separated list, e.g. 8,32');
    return items.map((item) => parse(item));
  };
}
