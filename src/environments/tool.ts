import type { CallOutcome } from '../core/transcript.ts';

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A tool as chat templates list it: name, purpose, and a JSON schema of its arguments. */
export interface ToolSchema {
  readonly name: string;
  readonly description: string;
  readonly parameters: { readonly [key: string]: Json };
}

/**
 * A function that the policy may call. Its result must depend only on its arguments, as far as a live service allows:
 * results are recorded per (tool version, arguments) and reused.
 *
 * @example
 * const length: Tool = {
 *   version: '1',
 *   schema: { name: 'length', description: 'Counts characters.', parameters: { type: 'object' } },
 *   call: async ({ text }) => ({ outcome: 'ok', text: String(text.length) }),
 * };
 */
export interface Tool {
  /** Name, purpose and arguments. */
  readonly schema: ToolSchema;
  /** Must change whenever a result could change. */
  readonly version: string;
  /** If true, `call` also receives the arguments of the attempt's earlier successful calls, as `earlier`. */
  readonly hasMemory?: boolean;
  /** Name of the argument that receives the text of a tagged call. Default `text`. */
  readonly textArgument?: string;
  /**
   * Executes a call. Returns outcome `failed` if the call itself is wrong. Throws if the tool itself fails, which makes
   * the attempt `ungradable`.
   */
  call(args: Readonly<Record<string, Json>>, signal: AbortSignal): Promise<ToolResult>;
}

/** Result of a call. */
export interface ToolResult {
  readonly outcome: Extract<CallOutcome, 'ok' | 'failed'>;
  readonly text: string;
  /** Sources of the text, e.g. titles of passages. */
  readonly sources?: readonly string[];
}

/** Builds `name@version`. */
export const toolLabel = ({ schema, version }: Pick<Tool, 'schema' | 'version'>): string =>
  `${schema.name}@${version}`;
