import { DataError } from '../../core/errors.ts';
import { checkpointTensors, layerPrefix, parameterLayout } from '../../engines/embedded/parameters.ts';
import { exportedConfigJson } from '../../engines/model-files/config-file.ts';
import { openModelFolder, writeModelFolder } from '../../engines/model-files/model-folder.ts';

/**
 * Writes a model with more layers that computes the same function: each new layer is a copy of the last one with its
 * output weights set to zero, so it adds nothing until it is trained (block expansion, 2401.02415). The new layers
 * can read what the model predicted for earlier tokens and compare it with the tokens that followed.
 *
 * @param from the folder of a dense model whose layers all have the same type.
 * @throws DataError if the model is a mixture of experts or has layers of several types.
 */
export async function deepenModel(from: string, to: string, added: number): Promise<void> {
  const { config: old, json, tokenizer, readWeights } = await openModelFolder(from);
  if (old.experts !== undefined || 'layer_types' in json)
    throw new DataError(`${from}: expected a dense model with layers of one type`);
  const config = { ...old, layers: old.layers + added };
  const tensors = checkpointTensors(config, new Float32Array(parameterLayout(config).length));
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const newPrefixes = Array.from({ length: added }, (_, i) => layerPrefix(old.layers + i));
  const isNew = (name: string): boolean => newPrefixes.some((prefix) => name.startsWith(prefix));
  await readWeights(tensors.filter(({ name }) => !isNew(name)));
  const last = layerPrefix(old.layers - 1);
  for (const prefix of newPrefixes)
    for (const [name, { data }] of byName)
      if (name.startsWith(prefix) && !/\.(?:o_proj|down_proj)\./.test(name))
        data.set(byName.get(last + name.slice(prefix.length))!.data);
  await writeModelFolder(to, {
    config: { ...exportedConfigJson(json, config.tieEmbeddings), num_hidden_layers: config.layers },
    tensors,
    weightType: 'f32',
    companionsFrom: from,
    endTokens: tokenizer.endTokens,
  });
}
