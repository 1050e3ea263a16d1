import * as z from 'zod';
import { stringifyJson } from '../core/lossless-json.ts';
import { DataError } from '../core/errors.ts';
import { readJsonRows } from '../storage/rows/json-lines.ts';
import type { SupervisedExample } from './supervised.ts';

const messageSchema = z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });

/** Other tools may use this name for something else, so a value that is not a string is ignored. */
const problemColumn = z.string().optional().catch(undefined);

/** A row of an examples file; other columns are ignored. */
const exampleRow = z.object({
  prompt: z.union([z.string(), z.array(messageSchema).min(1)], {
    error: 'expected a string or a list of {role, content} messages',
  }),
  completion: z.string({ error: 'expected a string' }).min(1, { error: 'expected a non-empty string' }),
  problemId: problemColumn,
  problem: problemColumn,
});

/**
 * Reads examples to imitate from a JSON Lines file: rows of `{"prompt": string or messages, "completion": string}`.
 * The columns `problemId` (rows from `gradus data rationales`) and `problem` (rows from a run) give the problem's id.
 *
 * @throws DataError naming the file, row and column, and the expected and actual value.
 */
export async function readExamples(file: string): Promise<SupervisedExample[]> {
  const examples: SupervisedExample[] = [];
  for await (const { row, value } of readJsonRows(file, file)) {
    const { prompt, completion, problem, problemId = problem } = parseRow(value, `${file}:${row}`);
    const messages = typeof prompt === 'string' ? [{ role: 'user' as const, content: prompt }] : prompt;
    examples.push({ prompt: messages, completion, ...(problemId !== undefined && { problem: problemId }) });
  }
  return examples;
}

function parseRow(value: unknown, where: string): z.output<typeof exampleRow> {
  const parsed = exampleRow.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  const column = path.length === 0 ? 'row' : `column "${path.join('.')}"`;
  throw new DataError(`${where}: ${column}: ${message}, got ${shown(value, path)}`, {
    tryNext: `sed -n ${where.split(':').at(-1)}p ${where.slice(0, where.lastIndexOf(':'))}`,
  });
}

/** Formats the value at a path in the row, truncated. */
function shown(value: unknown, path: readonly PropertyKey[]): string {
  const found = path.reduce<unknown>(
    (here, step) => (here as Record<PropertyKey, unknown> | undefined)?.[step],
    value,
  );
  const text = stringifyJson(found) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
