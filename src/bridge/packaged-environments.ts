import * as z from 'zod';
import { hashKey } from '../core/rng.ts';
import { noun } from '../core/config-builder.ts';
import { bridgeShape } from './bridge.ts';

/** Settings that tasks and environments of all packages share. */
const shared = {
  /** Number of problems. */
  count: z.int().min(1).default(100),
  /** First task or seed. If their ranges do not overlap, suites and training share no problems. */
  from: z.int().min(0).default(0),
  /** Domain of the problems, by which the recipe selects their environment and verifier. */
  domain: z.string().min(1),
  /** Maximum number of turns of an attempt. */
  maxTurns: z.int().min(1).default(16),
  /** Maximum length of an environment's message in tokens; a longer message is truncated, with a note. */
  maxReplyTokens: z.int().min(1).default(1024),
  /** Line added to the prompt. */
  instruction: z.string().optional(),
  /** System message; replaces the environment's. */
  system: z.string().optional(),
  ...bridgeShape,
};

/** An OpenEnv environment that runs on a server. */
export const openEnvConfig = z.strictObject({
  type: z.literal('openenv'),
  /** Address of the server, e.g. `http://127.0.0.1:8000`. */
  url: z.url({ protocol: /^https?$/, error: 'expected an http or https address' }),
  /** Field of the action that receives the policy's text. */
  action: z.string().min(1).default('message'),
  /** `text`: the turn without its thinking; `integer`: its last integer; `json`: the JSON object in it. */
  actionType: z.enum(['text', 'integer', 'json']).default('text'),
  /** Other fields of every action. */
  fields: z.record(z.string(), z.json()).default({}),
  /** The field of an observation that the policy sees; default: the complete observation as JSON. */
  observation: z.string().min(1).optional(),
  /** Further arguments of `reset`, besides the seed. */
  reset: z.record(z.string(), z.json()).default({}),
  ...shared,
  domain: shared.domain.default('openenv'),
});

/** An environment of the `verifiers` package. */
export const verifiersEnvConfig = z.strictObject({
  type: z.literal('verifiers'),
  /** Taskset: a module installed in the same Python environment as the package, or next to the recipe. */
  id: z.string().min(1),
  /**
   * The package's environment in which the taskset runs, e.g. `user-sim`; default: the taskset's own, else a single
   * agent.
   */
  environment: z.string().default(''),
  /** Settings of the taskset. */
  taskset: z.record(z.string(), z.json()).default({}),
  ...shared,
  domain: shared.domain.default('verifiers'),
});

/** A validated config of a packaged environment. */
export type PackagedConfig = z.output<typeof openEnvConfig> | z.output<typeof verifiersEnvConfig>;

/**
 * Creates the recipe entry for an OpenEnv environment, which serves as both source of problems and environment.
 *
 * @example
 * const echo = openEnv({ url: 'http://127.0.0.1:8000', observation: 'echoed_message', count: 20 });
 * // problems: [echo], environments: { openenv: echo }, verifiers: { openenv: environmentScore() }
 */
export const openEnv = noun(openEnvConfig);

/**
 * Creates the recipe entry for an environment of the `verifiers` package, which serves as both source of problems and
 * environment.
 *
 * @example
 * const sums = verifiersEnv({ id: 'my-taskset', count: 100 });
 * // problems: [sums], environments: { verifiers: sums }, verifiers: { verifiers: environmentScore() }
 */
export const verifiersEnv = noun(verifiersEnvConfig);

/** Returns the settings for the package's adapter, which determine tasks and replies. */
export function adapterOptions(config: PackagedConfig): Readonly<Record<string, unknown>> {
  if (config.type === 'verifiers') {
    const { id, environment, taskset } = config;
    return { id, environment, taskset };
  }
  const { url, action, actionType, fields, observation, reset } = config;
  return { url, action, actionType, fields, observation: observation ?? null, reset };
}

/** Returns the name of an environment for messages and labels. */
export const packagedName = (config: PackagedConfig): string =>
  config.type === 'verifiers' ? `verifiers ${config.id}` : `openenv ${config.url}`;

/**
 * Returns a hash of all settings that affect a reply.
 *
 * @param environment the package's description of the settings that it applies itself.
 */
export const settingsHash = (config: PackagedConfig, environment: string): string =>
  hashKey(JSON.stringify([adapterOptions(config), config.maxReplyTokens, environment])).toString(36);
