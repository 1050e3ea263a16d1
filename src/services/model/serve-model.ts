import { readTokenizerInfo } from '../../engines/model-files/tokenizer.ts';
import type { EngineConfig } from '../../engines/config.ts';
import { type ModelSource, openModel } from '../../models/open-model.ts';
import type { Listening } from '../listen.ts';
import { openServedStrategy } from './served-strategy.ts';
import { type ModelServiceOptions, requireServed, startModelService } from './service.ts';

/**
 * Opens a model folder or a run's policy and serves it over OpenAI's API, with the strategy from a JSON file if one
 * is given.
 */
export async function serveModel(
  source: ModelSource,
  config: EngineConfig,
  {
    strategyFile,
    ...options
  }: Omit<ModelServiceOptions, 'strategy'> & { readonly strategyFile?: string | undefined },
): Promise<Listening> {
  await using opened = new AsyncDisposableStack();
  const engine = opened.use(await openModel(source, config));
  const tokenizerInfo = await readTokenizerInfo(source.folder);
  const strategy =
    strategyFile === undefined
      ? undefined
      : await openServedStrategy(strategyFile, requireServed(engine), opened);
  const { url } = opened.use(await startModelService(engine, { ...options, tokenizerInfo, strategy }));
  const stack = opened.move();
  return { url, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
