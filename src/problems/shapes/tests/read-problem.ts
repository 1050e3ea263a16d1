import * as z from 'zod';
import { DataError, GradusError } from '../../../core/errors.ts';
import type { Problem, ProblemTests } from '../../../core/problem.ts';
import { parseJson } from '../../../core/lossless-json.ts';
import { codeContestsRow, codeContestsTests } from './code-contests.ts';
import { humanEvalRow, humanEvalTests } from './human-eval.ts';
import { contestImports } from './contest-tests.ts';
import { testsOfValue, testsOfVerificationInfo } from './ground-truth.ts';
import { inflate, liveCodeBenchRow, liveCodeBenchTests } from './livecodebench.ts';
import { mbppRow, mbppTests } from './mbpp.ts';
import { pairedTests, testsOfPairs } from './paired.ts';
import { testsOfCode } from './test-code.ts';

type Row = Readonly<Record<string, unknown>>;

/**
 * Reads a code problem from a row in any published format: HumanEval(+), BigCodeBench, MBPP(+), APPS,
 * TACO, Codeforces, DeepCoder, LiveCodeBench, LeetCodeDataset, CodeContests, SYNTHETIC-1 and -2, KodCode, AceCode,
 * rStar-Coder, NeMo-Gym, verl's `reward_model.ground_truth` (Eurus-2, Guru, Skywork-OR1), or Gradus's own. The columns
 * identify the format; nothing in a row is executed to read it.
 *
 * @param where file:row, for messages and as the id of a row without an id.
 * @throws DataError if no format matches, or if a value of the matching format is invalid.
 */
export function readCodeProblem(row: unknown, where: string): Problem {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) {
    throw new DataError(`${where}: expected an object, got ${row === null ? 'null' : typeof row}`);
  }
  const fields = row as Row;
  const id = text(fields, 'id', 'task_id', 'question_id', 'problem_id', 'name');
  const prompt =
    text(fields, 'prompt', 'question_content', 'question', 'problem', 'description', 'text') ?? '';
  return {
    id: id === undefined ? where : id,
    domain: 'code',
    prompt: [{ role: 'user', content: prompt }],
    tests: readTests(fields, where),
    source: where,
  };
}

function text(row: Row, ...names: string[]): string | undefined {
  const value = names
    .map((name) => row[name])
    .find((one) => typeof one === 'string' || typeof one === 'number');
  return value === undefined ? undefined : String(value);
}

const value =
  (...path: readonly string[]) =>
  (row: Row): ProblemTests =>
    testsOfValue(at(row, path), row);

/** Readers by the column that identifies their format; the first one whose column is present reads the row. */
const readers: readonly (readonly [column: string, read: (row: Row) => ProblemTests])[] = [
  ['entry_point', (row) => humanEvalTests(humanEvalRow.parse(row))],
  ['test_list', (row) => mbppTests(mbppRow.parse(row))],
  ['public_test_cases', (row) => liveCodeBenchTests(liveCodeBenchRow.parse(row))],
  ['public_tests', (row) => codeContestsTests(codeContestsRow.parse(row))],
  ['input_output', value('input_output')],
  ['verification_info', (row) => testsOfVerificationInfo(row['verification_info'], row)],
  ['verifier_metadata', (row) => testsOfUnitTests(at(row, ['verifier_metadata', 'unit_tests']), row)],
  ['reward_model', value('reward_model', 'ground_truth')],
  ['ground_truth', value('ground_truth')],
  // Codeforces runs programs unchanged, without the imports that the harnesses of other sets add.
  ['official_tests', (row) => testsOfValue(row['official_tests'], row, '')],
  ['tests', value('tests')],
  ['test_cases', value('test_cases')],
  ['inputs', (row) => pairedColumns(row)],
  ['test', (row) => testsOfCode(z.string().parse(row['test']), { imports: contestImports })],
];

function at(row: Row, path: readonly string[]): unknown {
  let found: unknown = row;
  for (const name of path) found = z.record(z.string(), z.unknown()).parse(found)[name];
  return found;
}

/** Reads rStar-Coder's lists, which are JSON strings in separate columns. */
function pairedColumns(row: Row): ProblemTests {
  const list = (column: unknown): unknown => (typeof column === 'string' ? parseJson(column) : column);
  const names = ['fn_name', 'func_name', 'function_name'].map((name) => row[name]);
  return testsOfPairs(
    pairedTests.parse({
      inputs: list(row['inputs']),
      outputs: list(row['outputs']),
      fn_name: names.find((name) => typeof name === 'string' && name !== ''),
    }),
  );
}

/** Reads NeMo-Gym's parallel lists, which may be packed as base64 of compressed JSON. */
function testsOfUnitTests(tests: unknown, row: Row): ProblemTests {
  const packed = z.looseObject({ packed: z.string() }).safeParse(tests).data;
  if (packed === undefined) return testsOfValue(tests, row);
  return testsOfValue({ ...packed, ...(parseJson(inflate(packed.packed).toString()) as object) }, row);
}

/**
 * Reads the tests of a row, see `readCodeProblem`.
 *
 * @throws DataError naming `where` and the column.
 */
export function readTests(row: Row, where: string): ProblemTests {
  const reader = readers.find(([column]) => row[column] != null);
  if (reader === undefined) {
    const names = readers.map(([column]) => column).join(', ');
    throw new DataError(
      `${where}: expected a column of tests (one of ${names}), got ${Object.keys(row).join(', ')}`,
    );
  }
  const [column, read] = reader;
  try {
    return read(row);
  } catch (error) {
    const what = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    const tryNext = GradusError.isInstance(error) ? error.tryNext : undefined;
    throw new DataError(`${where}: column "${column}": ${what}`, {
      cause: error,
      ...(tryNext ? { tryNext } : {}),
    });
  }
}
