import { resolve } from 'node:path';
import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { jsonlConfig } from './jsonl.ts';
import { problemOfRow, type RowMapping } from './problem-row.ts';
import { readRows } from './rows/read-rows.ts';
import type { Row } from './rows/row.ts';
import { shapeNamed, shapeNames, shapeOf } from './shapes/catalogue.ts';
import { code, type ReadTests } from './shapes/code.ts';
import { passRateLabel, readPassRate } from './shapes/pass-rate-label.ts';
import { at, type Columns, type Shape } from './shapes/shape.ts';

const { columns: jsonlColumns } = jsonlConfig.shape;
const columnNames = jsonlColumns.unwrap().keyof();

/**
 * Problems from a file of any format (JSON Lines, JSON, CSV, Parquet) and any known shape of rows: what `gradus data
 * import` reads. The name tells the format, the first row the shape.
 */
export const fileConfig = z.strictObject({
  type: z.literal('file'),
  /** Relative to the recipe. */
  path: z.string(),
  /** How the data set names its columns; absent: as the first row looks. */
  shape: z.enum(shapeNames).optional(),
  /** Columns that are called otherwise than in the shape. */
  columns: z.partialRecord(columnNames, z.string()).default({}),
  /** What the file's difficulty columns say, beyond those that the shape knows. */
  passRates: z.array(passRateLabel).default([]),
  /** The domain of rows that name none; absent: as the shape says, else math. */
  domain: z.string().optional(),
  /** A line added to each question. */
  instruction: z.string().optional(),
  /** Whether a row that is no problem ends the reading or is left out and counted. */
  onError: z.enum(['stop', 'skip']).default('stop'),
});
export type FileConfig = z.infer<typeof fileConfig>;

/** Recipe noun for problems in a file of any known format and shape. */
export const file = (
  path: string,
  options: Omit<z.input<typeof fileConfig>, 'type' | 'path'> = {},
): z.input<typeof fileConfig> => ({ type: 'file', path, ...options });

/** What reading may need from outside, and tells. */
export interface ReadFileHooks {
  /** Reads the tests of code problems; without it their rows are errors. */
  readonly readTests?: ReadTests;
  /** Called for each row left out under `onError: 'skip'`. */
  readonly onSkip?: (error: DataError) => void;
}

/**
 * Streams the problems of a file. Throws a `DataError` naming file, row, column, what was expected and the fix; also when
 * every row had to be left out.
 */
export async function* readFileProblems(
  config: FileConfig,
  baseDir: string,
  hooks: ReadFileHooks = {},
): AsyncGenerator<Problem> {
  let toProblem: ((row: Row) => Problem) | undefined;
  let isEmpty = true;
  let firstSkipped: DataError | undefined;
  for await (const row of readRows(resolve(baseDir, config.path), config.path)) {
    try {
      toProblem ??= problemReader(config, shapeFor(config, row), hooks);
      yield toProblem(row);
      isEmpty = false;
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      if (config.onError === 'stop') throw withWayOn(error, config.path);
      firstSkipped ??= error;
      hooks.onSkip?.(error);
    }
  }
  if (isEmpty)
    throw firstSkipped ?? new DataError(`${config.path}: expected one problem a row, got an empty file`);
}

/** Most readers want the rest of the file. */
function withWayOn(error: DataError, path: string): DataError {
  if (error.tryNext !== undefined) return error;
  const tryNext = `gradus data import ${path} --on-error skip --out problems.jsonl`;
  return new DataError(error.message, { cause: error, tryNext });
}

function shapeFor(config: FileConfig, row: Row): Shape {
  if (config.shape !== undefined) return shapeNamed(config.shape);
  if (config.columns.prompt !== undefined) return shapeNamed('gradus');
  return shapeOf(row.read(), `${config.path}:${row.number}`);
}

function problemReader(
  config: FileConfig,
  shape: Shape,
  { readTests }: ReadFileHooks,
): (row: Row) => Problem {
  const mapping: RowMapping = {
    path: config.path,
    columns: jsonlColumns.parse({ ...shape.columns, ...config.columns }),
    domain: config.domain ?? shape.domain ?? 'math',
    instruction: config.instruction,
  };
  const checkId = idChecker(config.path, mapping.columns.id);
  return ({ number, read }) => {
    const where = `${config.path}:${number}`;
    const value = read();
    const row = isColumns(value) ? withDerived(value, where, config, shape, readTests) : value;
    const problem = problemOfRow(row, mapping, number);
    checkId(problem.id, number);
    return problem;
  };
}

const isColumns = (value: unknown): value is Columns =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The row with everything that shape, labels and tests add to it. */
function withDerived(
  value: Columns,
  where: string,
  config: FileConfig,
  shape: Shape,
  readTests: ReadTests | undefined,
): Columns {
  const tests = shape === code ? { 'tests read': testsOf(value, where, readTests) } : {};
  try {
    const row = shape.derive?.(value) ?? value;
    if (config.passRates.length === 0) return { ...row, ...tests };
    const column = shape.columns.passRates ?? 'passRates';
    const stated = config.passRates.flatMap((label) => readPassRate(label, at(value, label.column)) ?? []);
    return { ...row, ...tests, [column]: [...((row[column] as unknown[] | undefined) ?? []), ...stated] };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    throw new DataError(`${where}: ${error.message}`, { cause: error });
  }
}

function testsOf(row: Columns, where: string, readTests: ReadTests | undefined) {
  if (readTests !== undefined) return readTests(row, where);
  throw new DataError(
    `${where}: expected problems whose answer is a text, got tests of code; import the file first`,
    {
      tryNext: `gradus data import ${where.replace(/:\d+$/, '')} --out problems.jsonl`,
    },
  );
}

/** Ids are checked where the file names them; those made of row numbers cannot repeat. */
function idChecker(path: string, column: string): (id: string, row: number) => void {
  const rowOfId = new Map<string, number>();
  return (id, row) => {
    if (id === `${path}:${row}`) return;
    const earlier = rowOfId.get(id);
    if (earlier !== undefined)
      throw new DataError(
        `${path}:${row}: expected a new "${column}", got ${JSON.stringify(id)} again (first in row ${earlier}); ` +
          'name a column that is not there as the id to number the rows instead',
      );
    rowOfId.set(id, row);
  };
}
