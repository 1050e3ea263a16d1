import { Bridge } from '../bridge/bridge.ts';
import { type Played, playedSchema } from '../bridge/messages.ts';
import {
  adapterOptions,
  type PackagedConfig,
  packagedName,
  settingsHash,
} from '../bridge/packaged-environments.ts';
import { EnvironmentError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type { Answered, Environment, ReplyContext } from './environment.ts';
import type { Json, Tool } from './tool.ts';

/**
 * Longest wait for a reply, in milliseconds. It is practically unlimited: the bridge limits each call, but a call may
 * have to wait for those of other attempts.
 */
const maxWait = 2 ** 31 - 1;

/** The task, and for each turn so far the policy's text and a digest of the reply. */
interface State {
  readonly [key: string]: Json;
  readonly task: Json;
  readonly turns: readonly string[];
  readonly seen: readonly string[];
}

/**
 * Opens an environment from a package. The state is the attempt's history, so a process that has lost an attempt can
 * replay its turns. Results are recorded by (settings, task, turns), so that a resumed run reads the same replies.
 *
 * @param baseDir the recipe's folder.
 * @throws ConfigError if the package cannot be used.
 */
export async function openPackaged(config: PackagedConfig, baseDir: string): Promise<Environment> {
  const name = packagedName(config);
  const bridge = new Bridge({
    ...config,
    package: config.type,
    options: adapterOptions(config),
    baseDir,
    errorOf: (why) => new EnvironmentError(`${name}: ${why}`),
  });
  try {
    const { version: installed, roles, tools, environment } = await bridge.open();
    const version = `${installed}-${settingsHash(config, environment)}`;
    return {
      name: config.type,
      version,
      stop: [],
      roles,
      ...(tools.length > 0 && { tools }),
      maxTurns: config.maxTurns,
      maxTime: maxWait,
      start: (problem) => ({ state: { task: taskOf(problem, name), turns: [], seen: [] } satisfies State }),
      reply: (state, { text }, context) =>
        replyTo(state as State, text, context, { ...config, tool: turnTool(bridge, config.type, version) }),
      [Symbol.asyncDispose]: () => bridge[Symbol.asyncDispose](),
    };
  } catch (error) {
    await bridge[Symbol.asyncDispose]();
    throw error;
  }
}

/** Wraps a turn as a tool call, so that its result is recorded. */
const turnTool = (bridge: Bridge, name: string, version: string): Tool => ({
  schema: { name, description: 'Answers a turn of an attempt.', parameters: {} },
  version,
  call: async (args, signal) => {
    const played = await bridge.play(args, JSON.stringify(args['task']), signal);
    return { outcome: 'ok', text: JSON.stringify(played) };
  },
});

async function replyTo(
  { task, turns, seen }: State,
  text: string,
  context: ReplyContext,
  { tool, maxReplyTokens }: { readonly tool: Tool; readonly maxReplyTokens: number },
): Promise<Answered> {
  const all = [...turns, text];
  const result = await context.call(tool, { task, turns: all, seen });
  const played = playedSchema.parse(JSON.parse(result.text));
  return {
    state: { task, turns: all, seen: [...seen, played.digest] } satisfies State,
    reply: replyOf(played, (long) => context.cut(long, maxReplyTokens)),
    ...(played.reward !== null && { reward: played.reward }),
    ...(played.calls.length > 0 && { calls: played.calls }),
  };
}

function replyOf({ isOver, messages }: Played, cut: (text: string) => string): Answered['reply'] {
  if (isOver) return { type: 'end' };
  if (messages.length === 0)
    throw new EnvironmentError('expected a message or the end of the attempt, got neither');
  return {
    type: 'messages',
    messages: messages.map(({ role, content }) => ({ role, content: cut(content) })),
  };
}

function taskOf({ id, extra }: Problem, name: string): Json {
  const task = extra?.['task'];
  if (task !== undefined) return task as Json;
  throw new EnvironmentError(
    `${name}: expected a problem of this environment, got ${id} without "extra.task"`,
  );
}
