import { readTokenizerInfo } from '../../engines/model-files/tokenizer.ts';
import { type ModelService, type ModelServiceOptions, startModelService } from './service.ts';
import type { EngineConfig } from '../../engines/config.ts';
import { type ModelSource, openModel } from '../../models/open-model.ts';

/** Offers a model folder or a run's policy over OpenAI's API until it is disposed. */
export async function serveModel(
  source: ModelSource,
  config: EngineConfig,
  options: ModelServiceOptions,
): Promise<ModelService> {
  await using opened = new AsyncDisposableStack();
  const engine = opened.use(await openModel(source, config));
  const tokenizerInfo = await readTokenizerInfo(source.folder);
  const { url } = opened.use(await startModelService(engine, { ...options, tokenizerInfo }));
  const held = opened.move();
  return { url, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
