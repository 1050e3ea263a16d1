import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import { readRows } from '../storage/rows/read-rows.ts';

/**
 * A passage of text that a retriever can return.
 *
 * @example
 * const passage: Passage = { id: '12', title: 'Lima', text: 'Lima is the capital of Peru.' };
 */
export interface Passage {
  /** Unique within its source. */
  readonly id: string;
  readonly title?: string;
  readonly text: string;
}

/** Names of the id column in published corpora: FlashRAG and Search-R1 (`contents`), BEIR (`_id`), Pyserini. */
const idColumns = ['id', '_id', 'docid', 'doc_id'];
const textColumns = ['text', 'contents', 'content', 'passage'];

const idSchema = z.union([z.string().min(1), z.number(), z.bigint()]);

/**
 * Streams the passages of files in order: JSON Lines, JSON, CSV or Parquet with a column `text` or `contents`, and
 * optionally `id` and `title`. A passage without an id gets its row number as id, with the file's position if there are
 * several files. A first line in quotation marks, as in FlashRAG's corpora, becomes the title.
 *
 * @throws DataError naming file and row if a row has no text.
 */
export async function* readPassages(files: readonly string[]): AsyncGenerator<Passage> {
  for (const [i, file] of files.entries()) {
    const prefix = files.length === 1 ? '' : `${i + 1}/`;
    for await (const row of readRows(file, file))
      yield passageOf(row.read(), `${file}:${row.number}`, `${prefix}${row.number}`);
  }
}

/**
 * Reads a passage from the columns of a row.
 *
 * @param where file:row, for the message of the DataError.
 */
export function passageOf(value: unknown, where: string, defaultId: string): Passage {
  const row = columnsOf(value);
  const text = textIn(row);
  if (typeof text !== 'string' || text.trim() === '')
    throw new DataError(
      `${where}: expected the passage's text in a column ${textColumns.join(', ')}, got columns ${[...row.keys()].join(', ') || 'none'}`,
    );
  const id = idSchema.safeParse(idColumns.map((name) => row.get(name)).find((field) => field != null));
  const title: unknown = row.get('title');
  return {
    id: id.success ? String(id.data) : defaultId,
    ...(typeof title === 'string' && title.trim() !== '' ? { title, text } : withTitle(text)),
  };
}

/** Returns whether the text of a row is blank. */
export function hasEmptyText(value: unknown): boolean {
  const text = textIn(columnsOf(value));
  return typeof text === 'string' && text.trim() === '';
}

const columnsOf = (value: unknown): ReadonlyMap<string, unknown> =>
  new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);

const textIn = (row: ReadonlyMap<string, unknown>): unknown =>
  textColumns.map((name) => row.get(name)).find((field) => field != null);

/** Splits off the title with which texts in FlashRAG's corpora begin: `"Lima"\nLima is …`. */
function withTitle(text: string): Pick<Passage, 'title' | 'text'> {
  const [, title, rest] = /^"([^"\n]{1,500})"\n(.*\S.*)$/s.exec(text) ?? [];
  return title === undefined ? { text } : { title, text: rest! };
}

/** Returns title and text as one string: the content that is indexed and given to a model. */
export const contentOf = ({ title, text }: Pick<Passage, 'title' | 'text'>): string =>
  title === undefined ? text : `${title}\n${text}`;
