import { readTokenizerInfo } from '../../engines/model-files/tokenizer.ts';
import type { EngineConfig } from '../../engines/config.ts';
import { type ModelSource, openModel } from '../../models/open-model.ts';
import type { Listening } from '../listen.ts';
import { type ModelServiceOptions, startModelService } from './service.ts';

/** Opens a model folder or a run's policy and serves it over OpenAI's API. */
export async function serveModel(
  source: ModelSource,
  config: EngineConfig,
  options: ModelServiceOptions,
): Promise<Listening> {
  await using opened = new AsyncDisposableStack();
  const engine = opened.use(await openModel(source, config));
  const tokenizerInfo = await readTokenizerInfo(source.folder);
  const { url } = opened.use(await startModelService(engine, { ...options, tokenizerInfo }));
  const stack = opened.move();
  return { url, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
