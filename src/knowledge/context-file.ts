import { DataError } from '../core/errors.ts';
import { stringifyJson } from '../core/lossless-json.ts';
import type { Message } from '../core/problem.ts';
import { writeLines } from '../problems/output/text-file.ts';
import type { Retriever } from '../retrieval/retriever.ts';
import { readJsonRows } from '../storage/rows/json-lines.ts';
import { questionOf } from './candidates.ts';
import { promptSchema } from './rationale-rows.ts';
import { type ContextFormat, requireContextTemplate, statesGold, withPassages } from './context.ts';

/** Rows, passages and output of `addContext`. */
export interface ContextFileOptions {
  /** JSON Lines with a column `prompt`: problems or examples. */
  readonly file: string;
  readonly retriever: Retriever;
  /** Column that contains the query; for `prompt`, the query is its last message. */
  readonly query: string;
  /** Maximum number of passages per prompt. */
  readonly top: number;
  readonly format: ContextFormat;
  readonly out: string;
  readonly onProgress?: (done: number) => void;
  readonly signal?: AbortSignal;
}

/** Result of `addContext`. */
export interface ContextReport {
  readonly rows: number;
  /** Number of rows whose query found no passage. */
  readonly empty: number;
  /**
   * Among the rows with an answer, the share whose passages contain it word for word; absent if no row has an answer.
   */
  readonly goldStated?: number;
  readonly version: string;
  readonly out: string;
}

/**
 * Writes rows with passages in their prompts, for training with the rationale as the query and for evaluation with the
 * question as the query. Other columns stay unchanged; the column `passages` lists the passages' ids. A prompt that is
 * a string stays a string.
 *
 * @throws DataError naming file and row if a row has no prompt or query; also passes on errors from the retriever.
 */
export async function addContext(options: ContextFileOptions): Promise<ContextReport> {
  const { file, retriever, query, top, format, out, onProgress, signal } = options;
  requireContextTemplate(format.template);
  const counts = { rows: 0, empty: 0, answers: 0, stated: 0 };
  async function* lines(): AsyncGenerator<string> {
    for await (const { row, value } of readJsonRows(file, file)) {
      signal?.throwIfAborted();
      const { columns, prompt } = parseRow(value, `${file}:${row}`);
      const text = query === 'prompt' ? questionOf(prompt) : textIn(columns, query, `${file}:${row}`);
      const passages = await retriever.search(text, top, signal);
      const { answer } = columns;
      counts.rows++;
      if (passages.length === 0) counts.empty++;
      if (typeof answer === 'string') {
        counts.answers++;
        if (statesGold(passages, answer)) counts.stated++;
      }
      const written = withPassages(prompt, passages, format);
      const isText = typeof columns['prompt'] === 'string';
      yield stringifyJson({
        ...columns,
        prompt: isText ? written[0]!.content : written,
        passages: passages.map(({ id }) => id),
      });
      onProgress?.(counts.rows);
    }
  }
  await writeLines(out, lines());
  return {
    rows: counts.rows,
    empty: counts.empty,
    ...(counts.answers > 0 && { goldStated: counts.stated / counts.answers }),
    version: retriever.version,
    out,
  };
}

interface PromptRow {
  readonly columns: Readonly<Record<string, unknown>>;
  readonly prompt: readonly Message[];
}

function parseRow(value: unknown, where: string): PromptRow {
  const columns = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const parsed = promptSchema.safeParse(columns['prompt']);
  if (parsed.success) return { columns, prompt: parsed.data };
  throw new DataError(
    `${where}: column "prompt": expected a string or a list of {role, content} messages, got ${stringifyJson(columns['prompt']) ?? 'nothing'}`,
  );
}

function textIn(columns: PromptRow['columns'], name: string, where: string): string {
  const text = columns[name];
  if (typeof text === 'string' && text.trim() !== '') return text;
  throw new DataError(
    `${where}: column "${name}": expected the text of a query, got ${stringifyJson(text) ?? 'nothing'}`,
    { tryNext: 'gradus data rationales --help' },
  );
}
