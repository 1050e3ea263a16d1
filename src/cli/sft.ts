import { type Command, Option } from 'commander';
import { countOf } from '../core/count.ts';
import { fineTune } from '../supervised/fine-tune.ts';
import { withInterrupt } from './interrupt.ts';
import {
  addEngineOptions,
  addTrustOption,
  type EngineFlags,
  realNumber,
  type TrustFlags,
  wholeNumber,
} from './options.ts';
import { type Output, outputOf } from './output.ts';

interface SftOptions extends EngineFlags, TrustFlags {
  readonly out: string;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly warmup: number;
  readonly weightDecay: number;
  readonly schedule: 'constant' | 'cosine';
  readonly seed: number;
  readonly exportType: 'bf16' | 'f32';
  readonly maxSteps?: number;
}

/** `gradus sft`: supervised fine-tuning on examples, for base models and cold starts. */
export function addSftCommand(program: Command): void {
  addTrustOption(addEngineOptions(program.command('sft')))
    .description('fine-tune a model on examples (supervised learning)')
    .argument('<model>', 'model folder or run directory')
    .argument('<examples>', 'JSON Lines of {"prompt": text or messages, "completion": text}')
    .requiredOption('--out <folder>', 'new or empty folder for the trained model')
    .option('--epochs <n>', 'passes over the examples', realNumber(0, { above: true }), 1)
    .option('--batch-size <n>', 'examples per step', wholeNumber(1), 32)
    .option('--learning-rate <rate>', 'learning rate of AdamW', realNumber(0, { above: true }), 1e-5)
    .option('--warmup <steps>', 'steps of linear warm-up from 0', wholeNumber(), 0)
    .option('--weight-decay <rate>', 'weight decay of AdamW', realNumber(0), 0)
    .addOption(scheduleOption)
    .option('--seed <n>', 'seed of the order of the examples', wholeNumber(), 0)
    .addOption(exportTypeOption)
    .option('--max-steps <n>', 'stop after this many steps', wholeNumber(1))
    .action(async (model: string, examples: string, options: SftOptions, command: Command) => {
      const output = outputOf(command);
      const { steps, ...result } = await withInterrupt((signal) =>
        learn({ model, examples, signal }, options, output),
      );
      output.result(
        { ...result, steps, model: options.out },
        `loss ${result.loss.toFixed(4)} after ${countOf(steps, 'step')} and ${countOf(result.tokens, 'token')}; model: ${options.out}`,
      );
    });
}

const scheduleOption = new Option('--schedule <shape>', 'learning rate after the warm-up')
  .choices(['constant', 'cosine'])
  .default('constant');
const exportTypeOption = new Option('--export-type <type>', 'number type of the written weights')
  .choices(['bf16', 'f32'])
  .default('bf16');

/** Steps between printed lines. */
const stepsPerLine = 50;

async function learn(
  input: { readonly model: string; readonly examples: string; readonly signal: AbortSignal },
  { learningRate, warmup, weightDecay, schedule, engine, set, ...options }: SftOptions,
  output: Output,
): Promise<{ loss: number; steps: number; tokens: number }> {
  const optimizer = { learningRate, weightDecay, warmupSteps: warmup, schedule };
  const { loss, step, tokens } = await fineTune({
    ...input,
    ...options,
    engine: { engine, set },
    optimizer,
    onStart: (count, { parameters, device }, warnings) => {
      output.say(`${countOf(count, 'example')}, ${parameters!.toLocaleString('en')} parameters, ${device}`);
      for (const message of warnings) {
        output.event({ type: 'warning', message });
        output.say(`! ${message}`);
      }
    },
    onStep: (done) => {
      output.event({ type: 'step', ...done });
      if (done.step % stepsPerLine === 0 || done.step === 1)
        output.say(`step ${done.step}: loss ${done.loss.toFixed(4)}, gradient ${done.gradNorm.toFixed(3)}`);
      output.progress('learning', done.step, done.lastStep);
    },
  });
  return { loss, steps: step, tokens };
}
