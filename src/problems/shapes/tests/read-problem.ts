import * as z from 'zod';
import { DataError, GradusError } from '../../../core/errors.ts';
import type { Problem, ProblemTests } from '../../../core/problem.ts';
import { testsSchema } from './tests-schema.ts';
import { codeContestsRow, codeContestsTests } from './code-contests.ts';
import { humanEvalRow, humanEvalTests } from './human-eval.ts';
import { listedTest, statedRules, testsOfList } from './listed.ts';
import { liveCodeBenchRow, liveCodeBenchTests } from './livecodebench.ts';
import { mbppRow, mbppTests } from './mbpp.ts';
import { pairedTests, testsOfPairs } from './paired.ts';

type Row = Readonly<Record<string, unknown>>;

/**
 * A problem of a row in any of the formats that programs with tests are published in: HumanEval(+), MBPP(+), APPS, TACO,
 * Codeforces, DeepCoder, LiveCodeBench, CodeContests, verl's `reward_model.ground_truth`, or Gradus's own. The format is
 * told by its columns; nothing in a row is executed to read it.
 *
 * @param where file:row, for messages and, where the row has no id, as the id.
 * @throws DataError when no format fits, or one fits and a value is not what it must be.
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

/** The formats by the column that tells them; the first whose column is there reads the row. */
const readers: readonly (readonly [column: string, read: (row: Row) => ProblemTests])[] = [
  ['entry_point', (row) => humanEvalTests(humanEvalRow.parse(row))],
  ['test_list', (row) => mbppTests(mbppRow.parse(row))],
  ['public_test_cases', (row) => liveCodeBenchTests(liveCodeBenchRow.parse(row))],
  ['public_tests', (row) => codeContestsTests(codeContestsRow.parse(row))],
  ['input_output', (row) => testsOf(row['input_output'], row)],
  [
    'reward_model',
    (row) => testsOf(z.object({ ground_truth: z.unknown() }).parse(row['reward_model']).ground_truth, row),
  ],
  ['ground_truth', (row) => testsOf(row['ground_truth'], row)],
  ['official_tests', (row) => testsOf(row['official_tests'], row)],
  ['tests', (row) => testsOf(row['tests'], row)],
  ['test_cases', (row) => testsOf(row['test_cases'], row)],
];

/**
 * The tests of a row, as `readCodeProblem` reads them.
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

/** Tests in our own form say their kind; other forms do not. */
const sayKind = z.looseObject({ type: z.enum(['function', 'stdio', 'asserts']) });

function testsOf(value: unknown, row: Row): ProblemTests {
  const tests: unknown = typeof value === 'string' ? JSON.parse(value) : value;
  const stated = statedRules.parse(row);
  if (Array.isArray(tests)) return testsOfList(z.array(listedTest).min(1).parse(tests), stated);
  if (sayKind.safeParse(tests).success) return testsSchema.parse(tests);
  return testsOfPairs(pairedTests.parse(tests));
}
