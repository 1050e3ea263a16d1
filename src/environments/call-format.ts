import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import type { Json, Tool } from './tool.ts';

/** Calls as tagged text inside the policy's turn; the result is inserted after it. For environments with one tool. */
const tagsConfig = z.strictObject({
  type: z.literal('tags'),
  /** Strings around the argument of a call. */
  call: z.tuple([z.string().min(1), z.string().min(1)]),
  /** Strings around the result. */
  result: z.tuple([z.string(), z.string()]),
  /** String that ends the turn after a call. Default: the string that closes the call. */
  stop: z.string().min(1).optional(),
});

/** Calls in the format of the model's chat template; the result is a message of role `tool`. */
const chatConfig = z.strictObject({ type: z.literal('chat') });

/** Specifies how the policy writes calls and reads results. */
export const callFormatConfig = z.discriminatedUnion('type', [tagsConfig, chatConfig]);
export type CallFormat = z.output<typeof callFormatConfig>;

/**
 * Configures calls as tagged text, e.g. `tags({ call: ['<python>', '</python>'], result: ['<output>', '</output>'] })`.
 */
export const tags = noun(tagsConfig);

/** Configures calls in the format of the model's chat template. */
export const chat = noun(chatConfig);

/** A call that the policy wrote, or, with `problem`, the reason why it cannot be made. */
export type WrittenCall =
  | { readonly tool: Tool; readonly args: Readonly<Record<string, Json>> }
  | { readonly name: string; readonly text: string; readonly problem: string };

/** Reads the calls of a turn; empty if the policy made none. */
export function readCalls(format: CallFormat, text: string, tools: readonly Tool[]): WrittenCall[] {
  return format.type === 'tags' ? readTagged(format, text, tools[0]!) : readChat(text, tools);
}

/** Returns the strings that end a turn in this format. */
export const stopsOf = (format: CallFormat): string[] =>
  format.type === 'tags' ? [format.stop ?? format.call[1]] : [];

function readTagged(
  { call: [open, close], stop }: Extract<CallFormat, { type: 'tags' }>,
  text: string,
  tool: Tool,
): WrittenCall[] {
  const end = text.lastIndexOf(stop ?? close);
  if (end < 0) return [];
  const before = text.slice(0, end);
  const closed = stop === undefined ? before.length : before.lastIndexOf(close);
  const opened = before.lastIndexOf(open, closed - 1);
  const { name } = tool.schema;
  if (opened < 0 || closed < 0)
    return [{ name, text: before, problem: `expected ${open} before ${close}, found none` }];
  const argument = before.slice(opened + open.length, closed).trim();
  if (argument === '')
    return [{ name, text: before.slice(opened), problem: `expected text between ${open} and ${close}` }];
  return [{ tool, args: { [tool.textArgument ?? 'text']: argument } }];
}

const hermesCall = /<tool_call>([^]*?)(?:<\/tool_call>|$)/gu;

/**
 * Reads `<tool_call>{…}</tool_call>`, the format of Qwen and Hermes, or a message that is one JSON object, the format
 * of Llama 3.
 */
function readChat(text: string, tools: readonly Tool[]): WrittenCall[] {
  const tagged = Array.from(text.matchAll(hermesCall), ([, inner]) => inner!);
  if (tagged.length > 0) return tagged.map((one) => readJsonCall(one, tools));
  const afterThinking = text.split('</think>').at(-1)!.trim();
  const isCall = afterThinking.startsWith('{') && /"(?:arguments|parameters)"/u.test(afterThinking);
  return isCall ? [readJsonCall(afterThinking, tools)] : [];
}

/** Deepest nesting of a call: JSON nested thousands of levels deep can be parsed but not serialised. */
const maxDepth = 64;

function isDeeper(value: unknown, most: number): boolean {
  let level = [value];
  for (let depth = 0; depth <= most; depth++) {
    if (level.length === 0) return false;
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
  }
  return level.length > 0;
}

function readJsonCall(text: string, tools: readonly Tool[]): WrittenCall {
  const fault = (name: string, problem: string): WrittenCall => ({ name, text: text.trim(), problem });
  let call: { readonly name?: unknown; readonly arguments?: unknown; readonly parameters?: unknown };
  try {
    call = JSON.parse(text) as typeof call;
  } catch (error) {
    return fault('', `expected one JSON object {"name": …, "arguments": {…}}: ${(error as Error).message}`);
  }
  if (isDeeper(call, maxDepth)) return fault('', `expected JSON nested at most ${maxDepth} deep`);
  const name = typeof call.name === 'string' ? call.name : '';
  const tool = tools.find(({ schema }) => schema.name === name);
  if (tool === undefined)
    return fault(
      name,
      `expected one of the tools ${tools.map(({ schema }) => schema.name).join(', ')}, got ${JSON.stringify(name)}`,
    );
  const args = call.arguments ?? call.parameters;
  if (typeof args !== 'object' || args === null || Array.isArray(args))
    return fault(name, `expected "arguments" to be an object, got ${JSON.stringify(args)?.slice(0, 60)}`);
  return { tool, args: args as Readonly<Record<string, Json>> };
}

/** Returns the tags of a format, without surrounding white space. */
export function tagsOf(format: CallFormat): string[] {
  if (format.type !== 'tags') return [];
  const { call, result, stop = '' } = format;
  return [...call, ...result, stop].map((tag) => tag.trim()).filter((tag) => tag !== '');
}

/** Removes the format's tags from the text of a result, and wraps it in the result tags. */
export function tagResult(format: Extract<CallFormat, { type: 'tags' }>, text: string): string {
  const { result } = format;
  const own = tagsOf(format);
  let clean = text;
  for (let before = ''; before !== clean;) {
    before = clean;
    for (const tag of own) clean = clean.replaceAll(tag, '');
  }
  return `${result[0]}${clean}${result[1]}`;
}
