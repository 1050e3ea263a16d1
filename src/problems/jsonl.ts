import * as z from 'zod';
import type { Problem } from '../core/problem.ts';
import { type DataFile, locationShape } from './data-files.ts';
import { readJsonRows } from './rows/jsonl-rows.ts';
import type { ProblemIds } from './problem-ids.ts';
import { problemOfRow } from './problem-row.ts';
import { wordingShape } from './wording.ts';

/** Problems from a JSON Lines file: one JSON object a row. Blank rows are skipped; each other row must be a problem. */
export const jsonlConfig = z.strictObject({
  type: z.literal('jsonl'),
  ...locationShape,
  /** Which column holds what; a column that may be absent is simply not there. */
  columns: z
    .strictObject({
      /** Absent in the file: rows are named by their content. */
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
  ...wordingShape,
});
export type JsonlConfig = z.infer<typeof jsonlConfig>;

/** Recipe noun for problems in a JSON Lines file. */
export const jsonl = (
  path: string,
  options: Omit<z.input<typeof jsonlConfig>, 'type' | 'path'> = {},
): z.input<typeof jsonlConfig> => ({ type: 'jsonl', path, ...options });

/** Streams the problems of a file; memory grows only with the ids. Throws a `DataError` naming file and row. */
export async function* readJsonl(
  { columns, domain, instruction, system }: JsonlConfig,
  { file, name }: DataFile,
  ids: ProblemIds,
): AsyncGenerator<Problem> {
  const mapping = { name, columns, domain, instruction, system, ids };
  for await (const { row, value } of readJsonRows(file, name)) yield problemOfRow(value, mapping, row);
}
