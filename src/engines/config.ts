import * as z from 'zod';
import { embeddedConfig } from './embedded/engine.ts';
import { openaiConfig } from './openai/config.ts';
import { torchConfig } from './torch/config.ts';

const settings = z.discriminatedUnion('type', [embeddedConfig, torchConfig, openaiConfig]);

/** Names of engines with a default for every setting: the name alone is a valid config. */
export const engineNames = ['embedded', 'torch'] as const;

const named = z
  .string()
  .pipe(z.enum(engineNames))
  .transform((type) => settings.parse({ type }));

/** Schema of an engine: `'torch'`, or `torch({ device: 'cuda:1' })` if settings differ from the defaults. */
export const engineConfig = z.union([settings, named]);

/** An engine with all its settings. */
export type EngineConfig = z.output<typeof engineConfig>;

/**
 * Returns whether a server hosts the model, in which case the recipe gives the model's name on the server instead of a
 * folder.
 */
export const isServed = ({ type }: EngineConfig): boolean => type === 'openai';
