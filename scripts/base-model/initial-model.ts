import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newConfigJson } from '../../src/engines/model-files/config-file.ts';
import type { ModelConfig } from '../../src/engines/model-files/model-config.ts';
import { writeModelFolder } from '../../src/engines/model-files/model-folder.ts';
import { initialTensors } from '../../src/models/new-model/initial-tensors.ts';
import { maxPositions, tokenizerConfigJson, tokenizerJson } from './tokenizer-files.ts';
import { endToken, vocabulary } from './vocabulary.ts';

/** Rows of the embedding: the vocabulary, padded to a multiple of 8. */
const vocabSize = Math.ceil(vocabulary.length / 8) * 8;

/** 341 thousand parameters: larger models learned no more from the same sequences and took twice as long. */
const tinyConfig: ModelConfig = {
  architecture: 'qwen2',
  vocabSize,
  hiddenSize: 96,
  layers: 3,
  heads: 3,
  keyValueHeads: 3,
  headSize: 32,
  intermediateSize: 256,
  normEpsilon: 1e-6,
  ropeTheta: 10_000,
  ropeScaling: null,
  maxPositions,
  tieEmbeddings: true,
  attentionBias: true,
};

/** The parts of a model folder that vary between models. */
export interface InitialModel {
  readonly config: ModelConfig;
  /** Contents of `tokenizer.json` and `tokenizer_config.json`. */
  readonly tokenizer: object;
  readonly tokenizerConfig: object;
  readonly endToken: number;
}

/** The tiny model of the demo. */
export const tinyModel: InitialModel = {
  config: tinyConfig,
  tokenizer: tokenizerJson(),
  tokenizerConfig: tokenizerConfigJson(),
  endToken: vocabulary.indexOf(endToken),
};

/** Model shapes by size: 0.34, 1.6 and 4.8 million parameters. */
export const sizes: Readonly<Record<string, InitialModel>> = {
  tiny: tinyModel,
  '1.5m': resized({ hiddenSize: 160, layers: 5, heads: 5, keyValueHeads: 5, intermediateSize: 432 }),
  '5m': resized({ hiddenSize: 256, layers: 6, heads: 8, keyValueHeads: 8, intermediateSize: 704 }),
};

function resized(shape: Partial<ModelConfig>): InitialModel {
  return { ...tinyModel, config: { ...tinyConfig, ...shape } };
}

/** Writes the folder of an untrained model: tokenizer, config, random weights. */
export async function writeInitialModel(
  folder: string,
  seed: number,
  { config, tokenizer, tokenizerConfig, endToken: end }: InitialModel,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const write = (name: string, content: object): Promise<void> =>
    writeFile(join(folder, name), `${JSON.stringify(content, null, 2)}\n`);
  await write('tokenizer.json', tokenizer);
  await write('tokenizer_config.json', tokenizerConfig);
  await write('generation_config.json', {
    eos_token_id: end,
    pad_token_id: end,
    do_sample: true,
    temperature: 1,
  });
  await writeModelFolder(folder, {
    config: newConfigJson(config),
    tensors: initialTensors(config, seed),
    weightType: 'f32',
    companionsFrom: folder,
    endTokens: [end],
  });
}
