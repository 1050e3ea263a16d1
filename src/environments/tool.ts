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
 * A function the policy may call. Its result must depend only on its arguments, as far as a live service allows:
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
  /** Changes whenever a result could change. */
  readonly version: string;
  /** True to pass the arguments of earlier successful calls of the attempt as `earlier`. */
  readonly hasMemory?: boolean;
  /** The argument that receives the text of a call in tags. Default `text`. */
  readonly textArgument?: string;
  /**
   * Answers a call. A fault of the caller gives a result with outcome `failed`; a failure of the tool is thrown and
   * makes the attempt `ungradable`.
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
