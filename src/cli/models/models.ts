import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { importGguf } from '../../engines/model-files/gguf/import-gguf.ts';
import { outputOf } from '../output.ts';

/** `gradus models import`: converts models in other formats to model folders. */
export function addModelsCommand(program: Command): void {
  const models = program.command('models').description('convert models in other formats to model folders');
  models
    .command('import')
    .description('convert a GGUF file (Llama, Qwen2, Qwen3) into a model folder')
    .argument('<file>', 'GGUF file')
    .option('--out <folder>', "folder to create (default: the file's name without .gguf)")
    .addOption(
      new Option('--type <type>', 'element type of the weights; bf16 halves the size but rounds the values')
        .choices(['f32', 'bf16'])
        .default('f32'),
    )
    .action(
      async (
        file: string,
        { out, type }: { readonly out?: string; readonly type: 'f32' | 'bf16' },
        command: Command,
      ) => {
        const imported = await importGguf(file, out ?? basename(file, '.gguf'), type);
        outputOf(command).result(
          imported,
          `${imported.architecture}, ${imported.parameters} parameters\nmodel: ${imported.folder}`,
        );
      },
    );
}
