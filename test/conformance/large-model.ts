import { initialWeights, parameterLayout } from '../../src/engines/embedded/parameters.ts';
import { newConfigJson } from '../../src/engines/model-files/config-file.ts';
import { openModelFolder, writeModelFolder } from '../../src/engines/model-files/model-folder.ts';

/** Bundled model folders with a few thousand weights. */
export const smallModel = 'test/golden/parity-qwen2';

/** Writes the small model with wider layers into a folder: 4.4 million weights. */
export async function writeLargeModel(path: string): Promise<void> {
  const folder = await openModelFolder(smallModel);
  const config = { ...folder.config, hiddenSize: 384, intermediateSize: 1536, headSize: 96 };
  const weights = initialWeights(config, 1);
  const tensors = parameterLayout(config).entries.map(({ name, shape, offset, length }) => {
    return { name, shape, data: weights.subarray(offset, offset + length) };
  });
  const { endTokens } = folder.tokenizer;
  await writeModelFolder(path, {
    config: newConfigJson(config),
    tensors,
    weightType: 'bf16',
    companionsFrom: smallModel,
    endTokens,
  });
}
