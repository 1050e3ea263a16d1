import * as z from 'zod';
import { openEnvConfig, verifiersEnvConfig } from '../bridge/packaged-environments.ts';
import { askingConfig, openAsking } from './asking.ts';
import { banditConfig, openBandit } from './bandit.ts';
import { customEnvironmentConfig, openCustomEnvironment } from './custom.ts';
import type { Environment } from './environment.ts';
import { mcpConfig, openMcp } from './mcp.ts';
import { openPackaged } from './packaged.ts';
import { openPython, pythonConfig } from './python.ts';
import { openSearch, searchConfig } from './search.ts';

/** Environment configs that a recipe's `environments` accepts. */
export const environmentConfig = z.discriminatedUnion('type', [
  pythonConfig,
  searchConfig,
  mcpConfig,
  banditConfig,
  askingConfig,
  openEnvConfig,
  verifiersEnvConfig,
  customEnvironmentConfig,
]);

/** A validated environment config. */
export type EnvironmentConfig = z.output<typeof environmentConfig>;

/**
 * Opens the environment that a config describes. The caller must dispose of it.
 *
 * @param baseDir base of relative paths: the recipe's folder.
 */
export async function openEnvironment(config: EnvironmentConfig, baseDir = '.'): Promise<Environment> {
  switch (config.type) {
    case 'python':
      return openPython(config);
    case 'search':
      return openSearch(config, baseDir);
    case 'mcp':
      return await openMcp(config, baseDir);
    case 'bandit':
      return openBandit(config);
    case 'asking':
      return openAsking(config);
    case 'openenv':
    case 'verifiers':
      return await openPackaged(config, baseDir);
    case 'custom':
      return openCustomEnvironment(config, baseDir);
  }
}
