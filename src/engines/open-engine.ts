import { ConfigError } from '../core/errors.ts';
import type { EngineConfig } from './config.ts';
import { openEmbeddedEngine } from './embedded/engine.ts';
import type { Engine } from './engine.ts';
import { openOpenaiEngine } from './openai/engine.ts';
import { openTorchEngine } from './torch/engine.ts';

/** Intended use of an engine. */
export interface EngineUse {
  /** If false, the engine may omit parts that only learning needs. Default true. */
  readonly train?: boolean;
  /** Folder of a state written by `saveState`, whose weights replace the model's; absent: the base model. */
  readonly state?: string | undefined;
}

/**
 * Opens the engine that a config describes, with a model folder or the model's name on a server. No other function
 * switches over the engine union.
 *
 * @throws ConfigError if a state is given for a model server.
 */
export async function openEngine(
  config: EngineConfig,
  model: string,
  { train = true, state }: EngineUse = {},
): Promise<Engine> {
  switch (config.type) {
    case 'embedded':
      return openEmbeddedEngine({ ...config, model, state });
    case 'torch':
      return openTorchEngine({ ...config, model, train, state });
    case 'openai':
      if (state === undefined) return openOpenaiEngine(config, model);
      throw new ConfigError(`cannot load ${state} into a model server; use an engine with local weights`);
  }
}
