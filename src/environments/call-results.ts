import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { EnvironmentError, messageOf } from '../core/errors.ts';
import { closeInOneFile } from '../storage/sqlite.ts';
import type { CallTool } from './environment.ts';
import { type Json, type Tool, toolLabel, type ToolResult } from './tool.ts';

/** Stores the results of calls by (tool version, arguments), so that a resumed run reads the same results. */
export interface CallResults extends Disposable {
  read(key: string): ToolResult | undefined;
  write(key: string, call: RecordedCall): void;
}

/** A call and its result. */
export interface RecordedCall {
  readonly tool: string;
  readonly args: Json;
  readonly result: ToolResult;
}

/** Opens or creates the store at `path` (`':memory:'` keeps it in memory). A result is on disk before it is used. */
export function openCallResults(path: string): CallResults {
  const database = new DatabaseSync(path);
  database.exec(`
    PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 10000;
    CREATE TABLE IF NOT EXISTS calls (
      key TEXT PRIMARY KEY, tool TEXT NOT NULL, arguments TEXT NOT NULL, result TEXT NOT NULL
    ) STRICT, WITHOUT ROWID`);
  const find = database.prepare('SELECT result FROM calls WHERE key = ?');
  // Keep the first result, because attempts may have used it.
  const add = database.prepare('INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?)');
  return {
    read: (key) => {
      const row = find.get(key) as { readonly result: string } | undefined;
      return row === undefined ? undefined : (JSON.parse(row.result) as ToolResult);
    },
    write: (key, { tool, args, result }) => {
      add.run(key, tool, JSON.stringify(args), JSON.stringify(result));
    },
    [Symbol.dispose]: () => closeInOneFile(database),
  };
}

/**
 * Creates the function with which strategies call tools. Equal calls run once; concurrent equal calls share the result
 * or the failure. Failures are not recorded, so a later call tries again.
 */
export function recordCalls(results: CallResults): CallTool {
  const running = new Map<string, Promise<ToolResult>>();
  return async (tool, args, signal) => {
    const key = keyOf(tool, args);
    for (;;) {
      const known = results.read(key);
      if (known !== undefined) return known;
      const other = running.get(key);
      if (other === undefined) break;
      await other.catch((error: unknown) => {
        // Any other error means that the other caller aborted: make the call here.
        if (error instanceof EnvironmentError) throw error;
      });
      signal.throwIfAborted();
    }
    const call = callTool(tool, args, signal).finally(() => running.delete(key));
    running.set(key, call);
    const result = await call;
    results.write(key, { tool: toolLabel(tool), args, result });
    return result;
  };
}

async function callTool(tool: Tool, args: ToolArguments, signal: AbortSignal): Promise<ToolResult> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    // A tool that ignores the signal must not block later calls.
    return await Promise.race([tool.call(args, signal), aborted]);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof EnvironmentError) throw cause;
    throw new EnvironmentError(`${toolLabel(tool)} failed: ${messageOf(cause)}`, { cause });
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

type ToolArguments = Parameters<Tool['call']>[0];

const keyOf = (tool: Tool, args: ToolArguments): string =>
  createHash('sha256')
    .update(`${toolLabel(tool)}\0${JSON.stringify(sorted(args))}`)
    .digest('hex');

/** Sorts keys, so that equal arguments are serialised to equal strings. */
function sorted(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value as Readonly<Record<string, Json>>).toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  );
  return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]));
}
