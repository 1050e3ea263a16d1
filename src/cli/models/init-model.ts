import { type Command, Option } from 'commander';
import { initModel, type InitModelOptions } from '../../models/new-model/init-model.ts';
import { modelShapes } from '../../models/new-model/model-shapes.ts';
import { wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';

interface InitModelFlags extends Omit<InitModelOptions, 'vocabulary'> {
  readonly vocab?: number;
}

/** `gradus init-model`: creates a small untrained model with a tokenizer for the user's own files. */
export function addInitModelCommand(program: Command): void {
  program
    .command('init-model')
    .description('make a small untrained model, with a tokenizer trained on your files')
    .argument('<folder>', 'new or empty folder for the model')
    .requiredOption(
      '--tokenizer-from <files...>',
      'your files: .jsonl, .json, .csv, .tsv, .parquet or plain text',
    )
    .addOption(
      new Option('--size <size>', 'approximate number of parameters')
        .choices(Object.keys(modelShapes))
        .default('0.3M'),
    )
    .option(
      '--vocab <n>',
      'maximum number of tokens in the vocabulary (default: 512 to 4096, by size)',
      wholeNumber(1, 2 ** 20),
    )
    .option(
      '--context <n>',
      'longest sequence in tokens, prompt and answer together',
      wholeNumber(16, 2 ** 17),
      1024,
    )
    .option('--chat-template <name>', 'roles, chatml, none, or a Jinja file', 'roles')
    .option('--seed <n>', 'seed of the weights', wholeNumber(), 0)
    .action(async (folder: string, { vocab, ...options }: InitModelFlags, command: Command) => {
      const made = await initModel(folder, { ...options, vocabulary: vocab });
      outputOf(command).result(
        made,
        `qwen2, ${made.parameters.toLocaleString('en')} parameters, ${made.vocabulary} tokens in the vocabulary, ` +
          `${made.bytesPerToken.toFixed(1)} bytes of your files per token\nmodel: ${folder}, untrained; next: gradus sft ${folder} …`,
      );
    });
}
