import type { EngineConfig } from './config.ts';
import { openEmbeddedEngine } from './embedded/engine.ts';
import type { Engine } from './engine.ts';
import { openOpenaiEngine } from './openai/engine.ts';
import { openTorchEngine } from './torch/engine.ts';

/**
 * Opens the engine that a config names, on a model folder or the name a server knows. The union of engines is opened here
 * alone.
 *
 * @param train false: the engine may leave out what only learning needs.
 */
export async function openEngine(config: EngineConfig, model: string, train = true): Promise<Engine> {
  switch (config.type) {
    case 'embedded':
      return openEmbeddedEngine({ ...config, model });
    case 'torch':
      return openTorchEngine({ ...config, model, train });
    case 'openai':
      return openOpenaiEngine(config, model);
  }
}
