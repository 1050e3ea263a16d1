import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import { readJsonRows } from '../storage/rows/json-lines.ts';
import type { RationaleRow } from './candidates.ts';

const messageSchema = z.object({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z.string(),
});

/** The column `prompt` of a row: a string or a list of messages. */
export const promptSchema = z
  .union([z.string(), z.array(messageSchema).min(1)], {
    error: 'expected a string or a list of {role, content} messages',
  })
  .transform((prompt) =>
    typeof prompt === 'string' ? [{ role: 'user' as const, content: prompt }] : prompt,
  );

const rationaleRow = z.object({
  prompt: promptSchema,
  rationale: z.string({ error: 'expected a string' }).min(1, { error: 'expected a non-empty string' }),
});

/**
 * Reads questions and rationales from rows written by `gradus data rationales`.
 * @throws DataError naming file, row and column.
 */
export async function readRationales(file: string): Promise<RationaleRow[]> {
  const rows: RationaleRow[] = [];
  for await (const { row, value } of readJsonRows(file, file)) {
    const parsed = rationaleRow.safeParse(value);
    if (!parsed.success) {
      const { path, message } = parsed.error.issues[0]!;
      throw new DataError(`${file}:${row}: column "${path.join('.')}": ${message}`, {
        tryNext: 'gradus data rationales --help',
      });
    }
    rows.push(parsed.data);
  }
  return rows;
}
