import * as z from 'zod';
import { durationMs, durationSchema } from '../core/text/duration.ts';
import { hashKey } from '../core/rng.ts';
import type { ToolCall } from '../core/transcript.ts';
import { callFormatConfig, readCalls, stopsOf, tagResult, tagsOf, type WrittenCall } from './call-format.ts';
import type { Environment, ReplyContext } from './environment.ts';
import { type Json, type Tool, toolLabel } from './tool.ts';

/** Settings that all tools share. */
export const toolLimits = {
  /** Format of calls; see `tags()` and `chat()`. */
  format: callFormatConfig,
  /** Maximum number of calls in an attempt; further calls are rejected with a message. */
  maxCalls: z.int().min(1).default(4),
  /** Maximum length of a result in tokens; a longer result is truncated, with a note. */
  maxResultTokens: z.int().min(1).default(512),
  /** Wall-clock limit of the replies to one turn; exceeding it makes the attempt ungradable. */
  maxTime: durationSchema.default('10m'),
};
const toolLimitsConfig = z.strictObject(toolLimits);
export type ToolLimits = z.output<typeof toolLimitsConfig>;

/** Turns allowed after the last call: one with a refused call, one with the answer. */
const spareTurns = 2;

interface State {
  readonly [key: string]: Json;
  /** Number of calls made, including refused ones. */
  readonly calls: number;
  /** Arguments of earlier successful calls, by tool, for tools with a memory. */
  readonly earlier: Readonly<Record<string, readonly Json[]>>;
}

/**
 * Creates an environment that executes the policy's calls: it parses them, calls the tools and truncates the results.
 * If a call cannot be read or made, the reply gives the reason. A turn without a call ends the attempt.
 */
export function toolEnvironment(
  name: string,
  tools: readonly Tool[],
  limits: ToolLimits,
  close: () => PromiseLike<void> = async () => {},
): Environment {
  const { format, maxCalls, maxTime } = limits;
  return {
    name,
    version: versionOf(tools, limits),
    stop: stopsOf(format),
    tags: tagsOf(format),
    roles: format.type === 'chat' ? ['tool'] : [],
    ...(format.type === 'chat' && { tools: tools.map(({ schema }) => schema) }),
    maxTurns: maxCalls + spareTurns,
    maxTime: durationMs(maxTime),
    start: () => ({ state: { calls: 0, earlier: {} } satisfies State }),
    reply: async (given, { text, hasEnded }, context) => {
      const state = given as State;
      // A stop string ends a call. In the tags format, nothing can be inserted after an end token.
      const found = format.type === 'tags' && hasEnded ? [] : readCalls(format, text, tools);
      if (found.length === 0) return { state, reply: { type: 'end' } };
      const { calls, next } = await makeCalls(found, state, limits, context);
      const reply =
        format.type === 'tags'
          ? ({ type: 'insert', text: calls.map(({ result }) => tagResult(format, result)).join('') } as const)
          : ({
              type: 'messages',
              messages: calls.map(({ result }) => ({ role: 'tool', content: result }) as const),
            } as const);
      return { state: next, reply, calls };
    },
    [Symbol.asyncDispose]: close,
  };
}

async function makeCalls(
  found: readonly WrittenCall[],
  state: State,
  { maxCalls, maxResultTokens }: ToolLimits,
  context: ReplyContext,
): Promise<{ calls: ToolCall[]; next: State }> {
  const calls: ToolCall[] = [];
  let next = state;
  for (const call of found) {
    next = { ...next, calls: next.calls + 1 };
    if ('problem' in call) {
      const result = `Error: ${call.problem}.`;
      calls.push({ tool: call.name, arguments: call.text, outcome: 'malformed', result });
      continue;
    }
    const { tool, args } = call;
    const label = toolLabel(tool);
    if (next.calls > maxCalls) {
      const result = `Error: the limit of ${maxCalls} calls is reached. Answer now.`;
      calls.push({ tool: label, arguments: args, outcome: 'refused', result });
      continue;
    }
    const earlier = tool.hasMemory === true ? (next.earlier[tool.schema.name] ?? []) : undefined;
    const { outcome, text, sources } = await context.call(
      tool,
      earlier === undefined ? args : { ...args, earlier },
    );
    const result = context.cut(text, maxResultTokens);
    calls.push({ tool: label, arguments: args, outcome, result, ...(sources !== undefined && { sources }) });
    if (earlier !== undefined && outcome === 'ok')
      next = { ...next, earlier: { ...next.earlier, [tool.schema.name]: [...earlier, args] } };
  }
  return { calls, next };
}

/** Returns a version that changes with every tool and setting that can change a reply. */
function versionOf(tools: readonly Tool[], { format, maxCalls, maxResultTokens }: ToolLimits): string {
  const settings = hashKey(JSON.stringify([format, maxCalls, maxResultTokens])).toString(36);
  return `${tools.map(({ version }) => version).join('-')}-${settings}`;
}
