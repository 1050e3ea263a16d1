import { DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { type DataFile, locateData, type LocateOptions } from './locate-files.ts';
import type { FileConfig } from './file-source.ts';
import { columnsConfig } from './columns.ts';
import { ProblemIds } from './problem-ids.ts';
import { problemOfRow, type RowMapping } from './problem-row.ts';
import { readRows } from './rows/read-rows.ts';
import type { Row } from './rows/row.ts';
import { shapeNamed, shapeOf } from './shapes/catalogue.ts';
import { readPassRate } from './shapes/pass-rate-label.ts';
import { at, type Columns, type Shape } from './shapes/shape.ts';

/** What reading may need from outside, and tells. */
export interface ReadFileOptions {
  /** The ids given so far; absent: these problems are the only ones. */
  readonly ids?: ProblemIds;
  /** Called for each row left out under `onError: 'skip'`. */
  readonly onSkip?: (error: DataError) => void;
}

/**
 * Streams the problems of a `file` source, wherever its files are. Throws a `DataError` as `readDataFile` does, and for
 * whatever goes wrong on the way to them.
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
 * Streams the problems of one file. Throws a `DataError` naming file, row, column, what was expected and the fix; also when
 * every row had to be left out, and at the end when a label's column was in none: a mistyped one would be missed by nobody.
 */
export async function* readDataFile(
  config: FileConfig,
  file: DataFile,
  options: ReadFileOptions & { readonly ids: ProblemIds },
): AsyncGenerator<Problem> {
  const { name } = file;
  let toProblem: ((row: Row) => Problem) | undefined;
  let isEmpty = true;
  let firstSkipped: DataError | undefined;
  const unseen = new Set(config.passRates.map(({ column }) => column));
  for await (const row of readRows(file.file, name)) {
    try {
      toProblem ??= problemReader(config, shapeFor(config, name, row), name, { ...options, unseen });
      yield toProblem(row);
      isEmpty = false;
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      if (config.onError === 'stop') throw withWayOn(error, config.path);
      firstSkipped ??= error;
      options.onSkip?.(error);
    }
  }
  if (isEmpty) throw firstSkipped ?? new DataError(`${name}: expected one problem a row, got an empty file`);
  const [missing] = unseen;
  if (missing === undefined) return;
  throw new DataError(`${name}: expected pass rates in column "${missing}", got nothing there in any row`, {
    tryNext: 'gradus data import --help',
  });
}

/** Most readers want the rest of the file. */
function withWayOn(error: DataError, path: string): DataError {
  if (error.tryNext !== undefined) return error;
  const tryNext = `gradus data import ${path} --on-error skip --out problems.jsonl`;
  return new DataError(error.message, { cause: error, tryNext });
}

function shapeFor(config: FileConfig, name: string, row: Row): Shape {
  if (config.shape !== undefined) return shapeNamed(config.shape);
  if (config.columns.prompt !== undefined) return shapeNamed('gradus');
  return shapeOf(row.read(), `${name}:${row.number}`);
}

function problemReader(
  config: FileConfig,
  shape: Shape,
  name: string,
  { ids, unseen }: ReadFileOptions & { readonly ids: ProblemIds; readonly unseen: Set<string> },
): (row: Row) => Problem {
  const mapping: RowMapping = {
    name,
    ids,
    columns: columnsConfig.parse({ ...shape.columns, ...config.columns }),
    domain: config.domain ?? shape.domain ?? 'math',
    instruction: config.instruction,
    system: config.system,
  };
  return ({ number, read }) => {
    const value = read();
    const row = isColumns(value) ? withDerived(value, `${name}:${number}`, config, shape) : value;
    if (isColumns(row)) for (const column of unseen) if (at(row, column) !== undefined) unseen.delete(column);
    return problemOfRow(row, mapping, number);
  };
}

const isColumns = (value: unknown): value is Columns =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The row with everything that shape, labels and tests add to it. */
function withDerived(value: Columns, where: string, config: FileConfig, shape: Shape): Columns {
  try {
    const row = shape.derive?.(value, where) ?? value;
    if (config.passRates.length === 0) return row;
    const column = shape.columns.passRates ?? 'passRates';
    const stated = config.passRates.flatMap((label) => readPassRate(label, at(value, label.column)) ?? []);
    return { ...row, [column]: [...((row[column] as unknown[] | undefined) ?? []), ...stated] };
  } catch (error) {
    if (!(error instanceof DataError) || error.message.startsWith(where)) throw error;
    throw new DataError(`${where}: ${error.message}`, { cause: error });
  }
}
