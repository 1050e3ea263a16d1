import { resolve } from 'node:path';
import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { readJsonRows } from './jsonl-rows.ts';
import { problemOfRow } from './problem-row.ts';

/** Problems from a JSON Lines file: one JSON object a row. Blank rows are skipped; each other row must be a problem. */
export const jsonlConfig = z.strictObject({
  type: z.literal('jsonl'),
  /** Relative to the recipe. */
  path: z.string(),
  /** Which column holds what; a column that may be absent is simply not there. */
  columns: z
    .strictObject({
      /** Absent in the file: `<path>:<row>`. */
      id: z.string().default('id'),
      /** A text, or a list of chat messages. */
      prompt: z.string().default('prompt'),
      answer: z.string().default('answer'),
      tests: z.string().default('tests'),
      domain: z.string().default('domain'),
      family: z.string().default('family'),
      solution: z.string().default('solution'),
      knob: z.string().default('knob'),
      /** Where the problem was before it came into this file; absent: the file. */
      source: z.string().default('source'),
      licence: z.string().default('licence'),
      /** A list of {model, successes, trials}. */
      passRates: z.string().default('passRates'),
    })
    .prefault({}),
  /** The domain of rows that name none. */
  domain: z.string().default('math'),
  /** A line added to each question, e.g. how a chat model shall write its answer. */
  instruction: z.string().optional(),
});
export type JsonlConfig = z.infer<typeof jsonlConfig>;

/** Recipe noun for problems in a JSON Lines file. */
export const jsonl = (
  path: string,
  options: Omit<z.input<typeof jsonlConfig>, 'type' | 'path'> = {},
): z.input<typeof jsonlConfig> => ({ type: 'jsonl', path, ...options });

/** Streams the problems of a file; memory grows only with the ids. Throws a `DataError` naming file and row. */
export async function* readJsonl(config: JsonlConfig, baseDir: string): AsyncGenerator<Problem> {
  const rowOfId = new Map<string, number>();
  for await (const { row, value } of readJsonRows(resolve(baseDir, config.path), config.path)) {
    const problem = problemOfRow(value, config, row);
    const earlier = rowOfId.get(problem.id);
    if (earlier !== undefined)
      throw new DataError(
        `${config.path}:${row}: expected a new "${config.columns.id}", got ${JSON.stringify(problem.id)} again (first in row ${earlier})`,
      );
    rowOfId.set(problem.id, row);
    yield problem;
  }
}
