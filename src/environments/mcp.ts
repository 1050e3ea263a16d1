import { createHash } from 'node:crypto';
import type { Client, ClientOptions, SdkHttpError } from '@modelcontextprotocol/client';
import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { durationMs } from '../core/text/duration.ts';
import { ConfigError, EnvironmentError, messageOf } from '../core/errors.ts';
import { printable } from '../core/text/printable.ts';
import { chat } from './call-format.ts';
import type { Environment } from './environment.ts';
import type { Json, Tool, ToolResult } from './tool.ts';
import { toolEnvironment, toolLimits } from './tool-environment.ts';

/** Settings for tools from a Model Context Protocol (MCP) server, which is a local program or runs at an address. */
export const mcpConfig = z.strictObject({
  type: z.literal('mcp'),
  /** Program and arguments of a local server that communicates over standard input and output. */
  command: z.tuple([z.string().min(1)], z.string()).optional(),
  /**
   * Names of environment variables to pass on to a local server, besides system variables such as `PATH` and `HOME`.
   * Their values are read when the server starts and never stored.
   */
  env: z.array(z.string().min(1)).default([]),
  /** Address of a server that uses Streamable HTTP, e.g. `http://127.0.0.1:8000/mcp`. */
  url: z.url({ protocol: /^https?$/, error: 'expected an http or https address' }).optional(),
  /** Names of the tools that the policy may call; the server's other tools are hidden from it. */
  tools: z.array(z.string().min(1)).min(1),
  /** Part of the key of recorded results. Change it when the server's data changes. */
  version: z.string().min(1).default('1'),
  ...toolLimits,
  format: toolLimits.format.prefault(chat()),
});
type McpConfig = z.output<typeof mcpConfig>;

/**
 * Configures tools from an MCP server, e.g. `environments: { math: mcp({ command: ['npx', '-y', 'my-server'], tools:
 * ['add'] }) }`.
 */
export const mcp = noun(mcpConfig);

/** Time limit for starting a server and listing its tools, in milliseconds. */
const openingMs = 30_000;
/** Number of characters of a server's error output that a message shows. */
const shownCharacters = 500;

/**
 * Connects to the server and reads its tools, whose descriptions become part of the prompt. If the server stops, the
 * next call restarts it or reconnects; unanswered calls make their attempts `ungradable`.
 *
 * @param baseDir working directory of a local server: the recipe's folder.
 * @throws ConfigError if the server cannot be reached or lacks one of `tools`.
 */
export async function openMcp(config: McpConfig, baseDir: string): Promise<Environment> {
  if ((config.command === undefined) === (config.url === undefined))
    throw new ConfigError(
      `mcp: expected either "command" or "url", got ${config.command === undefined ? 'neither' : 'both'}`,
    );
  if (config.format.type === 'tags' && config.tools.length > 1)
    throw new ConfigError(
      `mcp: expected one tool for format tags, got ${config.tools.length}; use format: chat()`,
    );
  const connection = new Connection(config, baseDir);
  try {
    const tools = await connection.tools();
    return toolEnvironment('mcp', tools, config, () => connection[Symbol.asyncDispose]());
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    throw error;
  }
}

/** A client that reconnects after its server has stopped. */
class Connection implements AsyncDisposable {
  readonly #config: McpConfig;
  readonly #baseDir: string;
  #opening: Promise<Client> | undefined;
  #isClosed = false;

  constructor(config: McpConfig, baseDir: string) {
    this.#config = config;
    this.#baseDir = baseDir;
  }

  async tools(): Promise<Tool[]> {
    const name = nameOf(this.#config);
    let listed: Awaited<ReturnType<Client['listTools']>>['tools'];
    let server: string;
    try {
      const client = await this.#open();
      ({ tools: listed } = await client.listTools(undefined, { timeout: openingMs }));
      const { name: serverName, version } = client.getServerVersion() ?? { name: 'unnamed', version: '' };
      server = `${serverName} ${version}`;
    } catch (error) {
      throw new ConfigError(
        `mcp ${name}: expected a server of the Model Context Protocol, got: ${messageOf(error)}; check "command" or "url"`,
        {
          cause: error,
        },
      );
    }
    return this.#config.tools.map((wanted) => {
      const found = listed.find((tool) => tool.name === wanted);
      if (found === undefined)
        throw new ConfigError(
          `mcp ${name}: expected a tool "${wanted}", got ${listed.map((tool) => tool.name).join(', ') || 'no tools'}; correct "tools"`,
        );
      const parameters = found.inputSchema as Tool['schema']['parameters'];
      const schema = { name: wanted, description: found.description ?? '', parameters };
      const digest = createHash('sha256').update(JSON.stringify([server, schema, this.#config.version]));
      return {
        schema,
        version: `${this.#config.version}-${digest.digest('hex').slice(0, 12)}`,
        textArgument: textArgumentOf(parameters),
        call: (args, signal) => this.#call(wanted, args, signal),
      };
    });
  }

  async #call(name: string, args: Readonly<Record<string, Json>>, signal: AbortSignal): Promise<ToolResult> {
    const timeout = durationMs(this.#config.maxTime);
    let opening: Promise<Client> | undefined;
    try {
      opening = this.#open();
      const client = await opening;
      const { content, isError } = await client.callTool({ name, arguments: args }, { signal, timeout });
      return { outcome: isError === true ? 'failed' : 'ok', text: textOf(content) };
    } catch (error) {
      signal.throwIfAborted();
      const sdk = await import('@modelcontextprotocol/client');
      const { ProtocolError, ProtocolErrorCode } = sdk;
      if (sdk.SdkHttpError.isInstance(error) && isLostSession(error)) {
        this.#forget(opening);
        void opening?.then((client) => client.close()).catch(() => {});
      }
      const faults: readonly number[] = [ProtocolErrorCode.InvalidParams];
      if (ProtocolError.isInstance(error) && faults.includes(error.code))
        return { outcome: 'failed', text: `Error: ${error.message}` };
      throw new EnvironmentError(`mcp ${nameOf(this.#config)}: ${messageOf(error)}`, { cause: error });
    }
  }

  #open(): Promise<Client> {
    if (this.#isClosed) throw new EnvironmentError('the MCP connection is closed');
    if (this.#opening !== undefined) return this.#opening;
    const opening = this.#connect(() => this.#forget(opening));
    this.#opening = opening;
    opening.catch(() => this.#forget(opening));
    return opening;
  }

  /** Makes the next call connect again, unless another call has already reconnected. */
  #forget(opening: Promise<Client> | undefined): void {
    if (this.#opening === opening) this.#opening = undefined;
  }

  async #connect(onClose: () => void): Promise<Client> {
    // Loaded on demand: most recipes need no client, and loading it is slow.
    const [sdk, { StdioClientTransport }] = await Promise.all([
      import('@modelcontextprotocol/client'),
      import('@modelcontextprotocol/client/stdio'),
    ]);
    const client = new sdk.Client({ name: 'gradus', version: '1' }, { jsonSchemaValidator: acceptAll });
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the client has no addEventListener
    client.onclose = onClose;
    const { command, url, env } = this.#config;
    const options = { timeout: openingMs };
    if (command === undefined) {
      await client.connect(new sdk.StreamableHTTPClientTransport(new URL(url!)), options);
      return client;
    }
    const [program, ...args] = command;
    const transport = new StdioClientTransport({
      command: program,
      args,
      cwd: this.#baseDir,
      stderr: 'pipe',
      env: variablesOf([...systemVariables, ...env]),
    });
    let said = '';
    transport.stderr?.on('data', (piece: Buffer) => {
      said = (said + piece.toString()).slice(-shownCharacters);
    });
    try {
      await client.connect(transport, options);
    } catch (error) {
      await client.close().catch(() => {});
      throw said.trim() === ''
        ? error
        : new Error(`${messageOf(error)}; it wrote: ${printable(said.trim())}`);
    }
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const client = await this.#opening?.catch(() => undefined);
    await client?.close();
  }
}

/** Results are text for the policy, so their structured form is not validated. */
const acceptAll: NonNullable<ClientOptions['jsonSchemaValidator']> = {
  getValidator: () => (value) => ({ valid: true, data: value as never, errorMessage: undefined }),
};

/** Variables that every program needs; secrets in other variables do not reach the server. */
const systemVariables = ['PATH', 'HOME', 'USER', 'LANG', 'TMPDIR', 'SHELL', 'TERM'];

const variablesOf = (names: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );

const nameOf = ({ command, url }: McpConfig): string => command?.join(' ') ?? url!;

/**
 * Returns whether an error means that the server has lost the session, e.g. after a restart: 404 by the protocol, 400
 * from some servers.
 */
const isLostSession = ({ status, message }: SdkHttpError): boolean =>
  status === 404 || (status === 400 && /session/i.test(message));

/** Returns the argument that a tagged call fills: the first required one, or the first. */
function textArgumentOf(parameters: Tool['schema']['parameters']): string {
  const { required, properties } = parameters;
  const [first] = Array.isArray(required) ? (required as readonly Json[]) : [];
  return typeof first === 'string' ? first : (Object.keys(properties ?? {})[0] ?? 'text');
}

type Content = Awaited<ReturnType<Client['callTool']>>['content'];

/** Returns the text of a result, in which each non-text part is replaced by its type in brackets. */
const textOf = (content: Content): string =>
  content.map((part) => (part.type === 'text' ? part.text : `[${part.type}]`)).join('\n') || '(no text)';
