import { basename, extname, resolve } from 'node:path';
import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { ConfigError } from '../core/errors.ts';
import { hashKey } from '../core/rng.ts';
import { hashModule, importDefault } from '../core/user-module.ts';
import { chat } from './call-format.ts';
import type { Environment } from './environment.ts';
import type { Tool } from './tool.ts';
import { toolEnvironment, toolLimits } from './tool-environment.ts';

/** Settings of a tool or environment from a user's module. */
export const customEnvironmentConfig = z.strictObject({
  type: z.literal('custom'),
  /** A `.ts`, `.mts`, `.js` or `.mjs` file; relative paths start at the recipe's folder. */
  module: z.string().min(1),
  /** Argument of the module's function. */
  options: z.record(z.string(), z.json()).default({}),
  ...toolLimits,
  format: toolLimits.format.prefault(chat()),
});

/**
 * A user's environment: `start`, `reply`, and any fields that differ from the defaults. The defaults are the file's
 * name, version `1`, no stop strings, insertions only, 8 turns, and 10 minutes per reply.
 */
export type CustomEnvironment = Pick<Environment, 'start' | 'reply'> & Partial<Environment>;

/**
 * Configures a user's tool or environment. The module's default export is a `Tool`, a list of tools or an
 * `Environment`, or a function of `options` that returns one. The limits and the format apply to tools; an environment
 * defines its own.
 */
export const customEnvironment = noun(customEnvironmentConfig);

/**
 * Loads a user's module and opens its tools or environment. The version contains a hash of the module, the local files
 * that it imports, and the options. The module is trusted: it runs with all permissions of the process.
 *
 * @throws ConfigError if the default export is anything else.
 */
export function openCustomEnvironment(
  config: z.output<typeof customEnvironmentConfig>,
  baseDir: string,
): Environment {
  const file = resolve(baseDir, config.module);
  const found = importDefault(file, 'environment');
  const made: unknown =
    typeof found === 'function' ? (found as (options: unknown) => unknown)(config.options) : found;
  const suffix = `${hashModule(file)}-${hashKey(JSON.stringify(config.options)).toString(36)}`;
  if (isEnvironment(made)) return completeEnvironment(made, basename(file, extname(file)), suffix);
  const tools = Array.isArray(made) ? made : [made];
  if (tools.length === 0 || !tools.every(isTool)) {
    throw new ConfigError(
      `${file}: expected the default export to be a tool (an object with "schema", "version" and "call"), a list of tools, ` +
        `an environment (with "start" and "reply"), or a function that returns one, got ${made === null ? 'null' : typeof made}`,
    );
  }
  if (config.format.type === 'tags' && tools.length > 1)
    throw new ConfigError(
      `${file}: expected one tool for format tags, got ${tools.length}; use format: chat()`,
    );
  const versioned = tools.map((tool) => ({ ...tool, version: `${tool.version}-${suffix}` }));
  return toolEnvironment(basename(file, extname(file)), versioned, config);
}

/** Adds the defaults to a user's environment. */
function completeEnvironment(made: CustomEnvironment, name: string, suffix: string): Environment {
  return {
    name: made.name ?? name,
    version: `${made.version ?? '1'}-${suffix}`,
    stop: made.stop ?? [],
    ...(made.tags !== undefined && { tags: made.tags }),
    roles: made.roles ?? [],
    ...(made.tools !== undefined && { tools: made.tools }),
    maxTurns: made.maxTurns ?? 8,
    maxTime: made.maxTime ?? 600_000,
    start: (problem, seed) => made.start(problem, seed),
    reply: (state, written, context) => made.reply(state, written, context),
    [Symbol.asyncDispose]: async () => made[Symbol.asyncDispose]?.(),
  };
}

const hasFunction = (value: unknown, name: string): boolean =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Record<string, unknown>)[name] === 'function';

const isEnvironment = (value: unknown): value is CustomEnvironment =>
  hasFunction(value, 'start') && hasFunction(value, 'reply');

const isTool = (value: unknown): value is Tool =>
  hasFunction(value, 'call') &&
  typeof (value as Tool).schema === 'object' &&
  typeof (value as Tool).version === 'string';
