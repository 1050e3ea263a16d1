import { openText } from '../../storage/rows/open-text.ts';
import { readRows } from '../../storage/rows/read-rows.ts';

/**
 * Splits text into words; no token spans two words. A word is a run of letters or of punctuation, with the space before
 * it; a single digit; or a run of white space. Uses only Unicode properties, so that JavaScript and Oniguruma (Python's
 * tokenizers) split alike.
 */
export const wordPattern = [
  String.raw` ?[\p{L}\p{M}]+`,
  String.raw`\p{N}`,
  String.raw` ?[^\p{White_Space}\p{L}\p{M}\p{N}]+`,
  String.raw`\p{White_Space}+(?!\P{White_Space})`,
  String.raw`\p{White_Space}+`,
].join('|');

/** Columns that contain names rather than text. */
const nameColumns = new Set(['id', 'source', 'licence', 'license', 'role', 'domain', 'family']);

/**
 * Counts the words of files. In tables and JSON (`.jsonl`, `.json`, `.csv`, `.tsv`, `.parquet`) it reads every string
 * except names such as `id`; it reads all text of other files, as UTF-8. Streams, so that files may be larger than memory.
 *
 * @throws DataError naming the file that cannot be read, and its row.
 */
export async function countWords(files: readonly string[]): Promise<Map<string, number>> {
  const words = new Map<string, number>();
  const pattern = new RegExp(wordPattern, 'gu');
  for (const file of files)
    for await (const text of textsOf(file))
      for (const [word] of text.matchAll(pattern)) words.set(word, (words.get(word) ?? 0) + 1);
  return words;
}

async function* textsOf(file: string): AsyncGenerator<string> {
  if (/\.(?:jsonl|ndjson|json|csv|tsv|parquet)(?:\.gz)?$/i.test(file)) {
    for await (const row of readRows(file, file)) yield* textsIn(row.read());
    return;
  }
  let rest = '';
  for await (const piece of openText(file, file)) {
    const text = rest + piece;
    const end = text.lastIndexOf('\n') + 1;
    rest = text.slice(end);
    yield text.slice(0, end);
  }
  yield rest;
}

function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (Array.isArray(value)) for (const part of value) yield* textsIn(part);
  else if (typeof value === 'object' && value !== null)
    for (const [name, part] of Object.entries(value)) if (!nameColumns.has(name)) yield* textsIn(part);
}
