import type { Message, Problem } from '../core/problem.ts';
import type { ToolCall } from '../core/transcript.ts';
import type { Json, Tool, ToolResult, ToolSchema } from './tool.ts';

/**
 * Answers the policy's turns, as a tool, a search engine or a game does. It is pure: `reply` depends only on its
 * arguments and the results of `context.call`, and returns a new state. Therefore an attempt can be replayed from its
 * calls, and a resumed run gives bit-identical results.
 *
 * Faults of the policy (a call that cannot be read, a program that raises an error) are answered with a reply. A
 * failure of the environment itself is thrown: the attempt becomes `ungradable`.
 *
 * @example
 * const echo: Environment = {
 *   name: 'echo', version: '1', stop: ['</say>'], roles: [], maxTurns: 4, maxTime: 1000,
 *   start: () => ({ state: null }),
 *   reply: (state, { text }) => ({
 *     state,
 *     reply: text.includes('</say>') ? { type: 'insert', text: '<heard/>' } : { type: 'end' },
 *   }),
 *   [Symbol.asyncDispose]: async () => {},
 * };
 */
export interface Environment extends AsyncDisposable {
  readonly name: string;
  /** Must change whenever a reply could change, because stored pass rates are keyed by `name@version`. */
  readonly version: string;
  /** Strings that end the policy's turn, besides its end tokens. They stay in the text. */
  readonly stop: readonly string[];
  /**
   * Tags of the environment's format, e.g. `<result>`. In an insertion they become single tokens if the vocabulary has
   * them. Results must not contain them. Default: none, so added tokens that occur in an inserted text stay text.
   */
  readonly tags?: readonly string[];
  /**
   * Roles of the messages with which the environment replies. The chat template must support them. Empty if it only
   * inserts text.
   */
  readonly roles: readonly ReplyRole[];
  /** Tools that the chat template lists in the prompt. Default: none. */
  readonly tools?: readonly ToolSchema[];
  /** Maximum number of turns; an attempt that needs more ends with finish reason `length`. */
  readonly maxTurns: number;
  /** Time limit of the start and of each reply, in milliseconds; exceeding it is a failure of the environment. */
  readonly maxTime: number;
  /** Begins an attempt. All attempts of a group have the same seed. */
  start(problem: Problem, seed: number): Opening | Promise<Opening>;
  /** Answers a turn that ended at a stop string or an end token. */
  reply(state: Json, written: WrittenTurn, context: ReplyContext): Answered | Promise<Answered>;
}

/** Role of a message from an environment. */
type ReplyRole = 'user' | 'tool';

/** The initial state and prompt of an attempt. */
export interface Opening {
  readonly state: Json;
  /** The prompt; default: the problem's. */
  readonly prompt?: readonly Message[];
}

/** The text that the policy wrote in one turn. */
export interface WrittenTurn {
  /** Text of this turn only, without special tokens. */
  readonly text: string;
  /** True after an end token: nothing can be inserted into the turn. */
  readonly hasEnded: boolean;
}

/** Services that the strategy provides to the environment. */
export interface ReplyContext {
  /**
   * Calls a tool once per (tool version, arguments): later calls get the recorded result.
   * @throws EnvironmentError if the tool fails.
   */
  call(tool: Tool, args: Readonly<Record<string, Json>>): Promise<ToolResult>;
  /** Truncates text to at most `maxTokens` tokens; a truncated text ends with a note that gives its length. */
  cut(text: string, maxTokens: number): string;
  readonly signal: AbortSignal;
}

/** Calls a tool, or returns the recorded result of an earlier call. @throws EnvironmentError if the tool fails. */
export type CallTool = (
  tool: Tool,
  args: Readonly<Record<string, Json>>,
  signal: AbortSignal,
) => Promise<ToolResult>;

/** The environments of a recipe, and the function that calls their tools. */
export interface Environments {
  /** Returns the environment of a problem; undefined if its attempts have one turn. */
  readonly of: (problem: Pick<Problem, 'domain'>) => Environment | undefined;
  readonly call: CallTool;
}

/** The next state, the reply, and a record of the turn. */
export interface Answered {
  readonly state: Json;
  readonly reply: Reply;
  /** Reward of this turn, on top of the verdict's; see `environment` of a recipe's rewards. */
  readonly reward?: number;
  /** Calls that the turn made, for the record. */
  readonly calls?: readonly ToolCall[];
}

/**
 * - `insert`: text inside the policy's turn, which continues after it;
 * - `messages`: separate turns, in the format of the chat template;
 * - `end`: the attempt is complete.
 */
export type Reply =
  | { readonly type: 'insert'; readonly text: string }
  | { readonly type: 'messages'; readonly messages: readonly ReplyMessage[] }
  | { readonly type: 'end' };

/** A message from an environment. */
export interface ReplyMessage {
  readonly role: ReplyRole;
  readonly content: string;
}
