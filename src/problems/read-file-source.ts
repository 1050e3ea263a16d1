import { basename } from 'node:path';
import { DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { type DataFile, locateData, type LocateOptions } from './locate-files.ts';
import type { FileConfig } from './file-source.ts';
import { columnsConfig } from './columns.ts';
import { ProblemIds } from './problem-ids.ts';
import { naming } from './naming-rows.ts';
import { inOurForm } from './our-form.ts';
import { problemOfRow, type RowMapping } from './problem-row.ts';
import { readRows } from '../storage/rows/read-rows.ts';
import type { Row } from '../storage/rows/row.ts';
import { RowShapes } from './shape-of-rows.ts';
import { isWrittenByUs, unknownShape } from './shapes/catalogue.ts';
import { requireNoContradiction } from './shapes/contradictions.ts';
import { multipleChoice } from './shapes/multiple-choice.ts';
import { readPassRate } from './shapes/pass-rate-label.ts';
import { at, type Columns, type Shape } from './shapes/shape.ts';
import { readStructure } from './shapes/structured-text.ts';

/** Options for reading a `file` source. */
export interface ReadFileOptions {
  /** Tracks the ids assigned so far; default: none are assigned. */
  readonly ids?: ProblemIds;
  /** Called for each row skipped under `onError: 'skip'`. */
  readonly onSkip?: (error: DataError) => void;
  /**
   * Called for each row with a missing image file; the row's prompt then keeps only the placeholders. By default, such a row
   * is rejected.
   */
  readonly onMissing?: (error: DataError) => void;
  /** Command that skips invalid rows, suggested in errors. Default: `gradus data import` with the file. */
  readonly skipWith?: string;
}

/**
 * Streams the problems of a `file` source, local or on a hub.
 *
 * @throws DataError as `readDataFile` does, and if the files cannot be located or downloaded.
 */
export async function* readFileProblems(
  config: FileConfig,
  baseDir: string,
  { ids = new ProblemIds(), onDownload, ...options }: ReadFileOptions & LocateOptions = {},
): AsyncGenerator<Problem> {
  const { files } = await locateData(config, baseDir, { onDownload });
  for (const file of files) yield* readDataFile(config, file, { ...options, ids });
}

/**
 * Streams the problems in one file.
 *
 * @throws DataError naming the file, row and column, the expected value and the fix; also if every row was
 * skipped, and, at the end, if no row had the column of a pass-rate label, whose name is then most likely misspelt.
 */
export async function* readDataFile(
  config: FileConfig,
  file: DataFile,
  options: ReadFileOptions & { readonly ids: ProblemIds },
): AsyncGenerator<Problem> {
  const { name } = file;
  let isEmpty = true;
  let firstSkipped: DataError | undefined;
  const unseen = new Set(config.passRates.map(({ column }) => column));
  const toProblem = problemReader(config, file, { ...options, unseen });
  for await (const row of readRows(file.file, name)) {
    try {
      yield toProblem(row);
      isEmpty = false;
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      if (config.onError === 'stop') throw withWayOn(error, config.path, options.skipWith);
      firstSkipped ??= error;
      options.onSkip?.(error);
    }
  }
  if (isEmpty)
    throw firstSkipped ?? new DataError(`${name}: expected one problem per row, got an empty file`);
  const [missing] = unseen;
  if (missing === undefined) return;
  throw new DataError(`${name}: expected pass rates in column "${missing}", got no row with a value there`, {
    tryNext: 'gradus data import --help',
  });
}

/** Adds to an error the command that skips the invalid row. */
function withWayOn(
  error: DataError,
  path: string,
  tryNext = `gradus data import ${path} --on-error skip --out ${basename(path) === 'problems.jsonl' ? 'imported' : 'problems'}.jsonl`,
): DataError {
  if (error.tryNext !== undefined) return error;
  return new DataError(error.message, { cause: error, tryNext });
}

function problemReader(
  config: FileConfig,
  { file, name }: DataFile,
  { ids, unseen, onMissing }: ReadFileOptions & { readonly ids: ProblemIds; readonly unseen: Set<string> },
): (row: Row) => Problem {
  const shapes = new RowShapes(config);
  const mappings = new Map<Shape, RowMapping>();
  return ({ number, read }) => {
    const where = `${name}:${number}`;
    const value = columnsOf(read(), where);
    const { shape, isNamed } = shapes.of(value, where);
    const mapping = mappings.get(shape) ?? mappingOf(config, shape, { name, file, ids, onMissing });
    mappings.set(shape, mapping);
    const { columns } = mapping;
    return naming(where, () => {
      const derived = withPassRates(shape.derive?.(value, where) ?? value, value, config, columns.passRates);
      for (const column of unseen) if (at(derived, column) !== undefined) unseen.delete(column);
      const row = isWrittenByUs(value) ? derived : inOurForm(derived, mapping);
      if (!isNamed && !isWrittenByUs(value) && row[columns.tests] == null) {
        const hasChoices = (row[columns.domain] ?? shape.domain) === multipleChoice.domain;
        const isGoldSettled = config.columns.answer !== undefined || hasChoices;
        const gold = isGoldSettled ? undefined : row[columns.answer];
        const prompt = textOf(row[columns.prompt]);
        requireNoContradiction(value, { prompt, gold, hasChoices }, shape.name);
      }
      return problemOfRow(row, mapping, number, value);
    });
  };
}

const mappingOf = (
  config: FileConfig,
  shape: Shape,
  from: Pick<RowMapping, 'name' | 'file' | 'ids' | 'onMissing'>,
): RowMapping => ({
  ...from,
  columns: columnsConfig.parse({ ...shape.columns, ...config.columns }),
  domain: config.domain ?? shape.domain ?? 'math',
  instruction: config.instruction,
  system: config.system,
});

/** Returns a row as columns; a list, as in Open-Reasoner-Zero, has the columns 0, 1, …. */
function columnsOf(value: unknown, where: string): Columns {
  if (typeof value !== 'object' || value === null) throw unknownShape(value, where);
  if (Array.isArray(value) && !value.every((one) => typeof one === 'object' && one !== null))
    throw unknownShape(value, where);
  if (Array.isArray(value)) return Object.fromEntries(value.entries());
  const row = value as Columns;
  return typeof row['reward_model'] === 'string' ? withNested(row) : row;
}

/** Parses verl's nested columns, which CSV files contain as JSON or Python literals. */
function withNested(row: Columns): Columns {
  const nested = ['reward_model', 'extra_info'].flatMap((name) => {
    const value = row[name];
    return typeof value === 'string' ? [[name, readStructure(value) ?? value] as const] : [];
  });
  return { ...row, ...Object.fromEntries(nested) };
}

/** Adds the pass rates in the difficulty columns that the source's labels describe. */
function withPassRates(row: Columns, value: Columns, { passRates }: FileConfig, column: string): Columns {
  if (passRates.length === 0) return row;
  const stated = passRates.flatMap((label) => readPassRate(label, at(value, label.column)) ?? []);
  return { ...row, [column]: [...((row[column] as unknown[] | undefined) ?? []), ...stated] };
}

/** Joins the texts of a prompt's messages. */
const textOf = (prompt: unknown): string =>
  [prompt]
    .flat()
    .map((message) => (typeof message === 'string' ? message : at({ message }, 'message.content')))
    .join('\n');
