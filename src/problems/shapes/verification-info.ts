import { DataError } from '../../core/errors.ts';
import { code, isTests } from './code.ts';
import type { Columns, Shape } from './shape.ts';
import { readStructure } from './structured-text.ts';

/**
 * SYNTHETIC-1 and -2, INTELLECT-2 and verifiable-coding-problems; `verification_info` contains a gold or tests, as an
 * object, JSON or Python literals.
 */
export const verificationInfo: Shape = {
  name: 'verification-info',
  reads:
    'prompt (or problem, problem_statement), verification_info ({ground_truth} or {language, test_cases})',
  matches: (row) => row['verification_info'] != null && row['verification_info'] !== '',
  columns: {
    id: 'task_id',
    prompt: 'prompt',
    answer: 'verification_info.ground_truth',
    tests: code.columns.tests!,
    domain: 'domain of the task',
    source: 'data_source',
    solution: 'gold_standard_solution',
    passRates: code.columns.passRates!,
  },
  derive(row, where) {
    const info = infoOf(row['verification_info']);
    const {
      verification_info: _info,
      problem_statement: statement,
      problem,
      prompt = statement ?? problem,
      ...rest
    } = row;
    const tests = testsIn(info);
    if (tests !== undefined)
      return {
        ...code.derive!({ ...rest, prompt, verification_info: { ...info, test_cases: tests } }, where),
        'domain of the task': 'code',
      };
    const gold = info['ground_truth'] ?? info['answer'];
    if (gold == null || isOtherTask(row['task_type']))
      throw new DataError(
        `column "verification_info": expected a gold "ground_truth" or "test_cases", got ${Object.keys(info).join(', ') || 'nothing'} ` +
          `(task_type ${String(row['task_type'])}); no verifier supports this task; remove the row`,
      );
    const { problem_id: id, source, ...others } = rest as Columns;
    return {
      ...others,
      prompt,
      task_id: id,
      data_source: source,
      'domain of the task': 'math',
      'verification_info.ground_truth': gold,
    };
  },
};

function infoOf(value: unknown): Columns {
  const info = typeof value === 'string' ? readStructure(value) : value;
  if (typeof info === 'object' && info !== null && !Array.isArray(info)) return info as Columns;
  throw new DataError(
    `column "verification_info": expected an object, or one as JSON, got ${String(value).slice(0, 60)}`,
  );
}

/**
 * Returns the tests in `verification_info`, which some data sets keep in its `ground_truth`; undefined if there are
 * none.
 */
function testsIn(info: Columns): unknown {
  const truth = info['ground_truth'];
  return (
    info['test_cases'] ??
    info['tests'] ??
    info['unit_tests'] ??
    (isTests(info) ? info : isTests(truth) ? truth : undefined)
  );
}

/** Returns whether a task is a puzzle, output formatting or output prediction, whose golds are not formulas. */
const isOtherTask = (type: unknown): boolean => typeof type === 'string' && !/math/i.test(type);
