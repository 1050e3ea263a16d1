import { DataError } from '../../core/errors.ts';
import { parseJson } from '../../core/lossless-json.ts';
import { interfaceNote } from './interface-note.ts';
import { at, type Columns, type Shape } from './shape.ts';
import { readStructure } from './structured-text.ts';
import { readTests } from './tests/read-problem.ts';

const testColumns = [
  'entry_point',
  'test_list',
  'public_test_cases',
  'public_tests',
  'input_output',
  'official_tests',
  'test_cases',
  'unit_tests',
];
const promptColumns = [
  'prompt',
  'question_content',
  'question',
  'problem',
  'problem_statement',
  'description',
  'text',
  'instruct_prompt',
  'complete_prompt',
];

/** Name of the derived column that holds a row's tests. */
const testsRead = 'tests read';
const rates = 'stated pass rates';

/**
 * HumanEval, MBPP, BigCodeBench, APPS, TACO, LiveCodeBench, CodeContests, Codeforces, DeepCoder, KodCode, AceCode,
 * rStar-Coder, and the code rows of verl's files (Eurus-2, Guru).
 */
export const code: Shape = {
  name: 'code',
  reads: `a prompt (${promptColumns.slice(0, 7).join(', ')}) and tests (${testColumns.join(', ')}, tests, test, test_code, inputs and outputs, or verl's ground_truth)`,
  matches: (row) =>
    testColumns.some((column) => isFilled(row[column])) ||
    isTests(row['tests']) ||
    testProgramIn(row) !== undefined ||
    (isFilled(row['inputs']) && isFilled(row['outputs'])) ||
    isTests(row['ground_truth']) ||
    isTests(at(row, 'reward_model.ground_truth')) ||
    /^cod(?:e|ing|egen)$/i.test(String(at(row, 'ability'))),
  domain: 'code',
  mixes: true,
  columns: {
    id: 'task_id',
    prompt: 'prompt',
    domain: 'ability',
    source: 'data_source',
    tests: testsRead,
    passRates: rates,
  },
  derive(row, where) {
    requirePython(row);
    requireOneInput(row);
    const question = promptColumns.map((name) => row[name]).find(isFilled);
    const isText = typeof question === 'string';
    const program = testProgramIn(row);
    const given = { ...row, ...(isText ? { prompt: question } : {}), ...underKnownNames(row, program) };
    const tests = readTests(given, where);
    const {
      reward_model: _rewardModel,
      ability: _ability,
      answer,
      solution = answer,
      source,
      data_source: dataSource = source,
      ...rest
    } = row;
    const kept = Object.entries(rest).filter(
      ([name]) => !testColumns.includes(name) && !noise.has(name) && name !== program,
    );
    const prompt = isText ? question + interfaceNote(row, tests, question) : question;
    const id = ['task_id', 'question_id', 'problem_id', 'id']
      .map((name) => row[name])
      .find((one) => one != null);
    return {
      ...Object.fromEntries(kept),
      ...(typeof dataSource === 'string' ? { data_source: dataSource } : {}),
      ...(typeof solution === 'string' && solution.trim() !== '' ? { solution } : {}),
      prompt,
      task_id: id,
      [testsRead]: tests,
      [rates]: passRates(row['gpt_pass_sequence']),
    };
  },
};

const isFilled = (value: unknown): boolean =>
  value != null && value !== '' && value !== '[]' && !(Array.isArray(value) && value.length === 0);

/** Fields that identify an object of tests. */
const testNames = [
  'inputs',
  'functional',
  'assert_case',
  'pytest',
  'test_code',
  'test_cases',
  'unit_tests',
  'fn_name',
  'test_list',
];

/** Detects tests in a published format: a list or an object, possibly encoded as a string. */
export function isTests(value: unknown): boolean {
  const tests = typeof value === 'string' ? readStructure(value) : value;
  if (Array.isArray(tests)) {
    const [first] = tests as readonly unknown[];
    return typeof first === 'string'
      ? /^\s*assert\b/.test(first)
      : isObject(first) && 'input' in first && 'output' in first;
  }
  return isObject(tests) && testNames.some((name) => name in tests);
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Detects a test program: pytest, unittest, HumanEval's `check`, or plain assertions. */
const isTestProgram = (value: unknown): boolean =>
  typeof value === 'string' &&
  /^\s*(?:def (?:test|check)|class \w+\(|assert\b|from solution import)/m.test(value);

/**
 * Returns the name of the column that contains a test program. Looks for known names only, since solutions and prompts
 * may contain assertions too.
 */
const testProgramIn = (row: Columns): string | undefined =>
  Object.keys(row).find((name) => /test|check/i.test(name) && isTestProgram(row[name]));

/** Renames columns of tests to the names that `readTests` knows. */
function underKnownNames(row: Columns, program: string | undefined): Columns {
  const starter = row['starter_code'];
  const [, method] = typeof starter === 'string' ? (/def\s+(\w+)\s*\(/.exec(starter) ?? []) : [];
  return {
    ...(row['unit_tests'] != null && row['tests'] == null ? { tests: row['unit_tests'] } : {}),
    ...(program === undefined || program === 'test' ? {} : { [program]: undefined, test: row[program] }),
    ...(isFilled(row['inputs']) && row['fn_name'] == null && method !== undefined
      ? { fn_name: method, inputs: jsonEach(row['inputs']), outputs: jsonEach(row['outputs']) }
      : {}),
  };
}

/** Parses rStar-Coder's lists of JSON strings; returns a list of other strings unchanged. */
function jsonEach(value: unknown): unknown {
  const list = typeof value === 'string' ? readStructure(value) : value;
  if (!Array.isArray(list)) return value;
  try {
    return list.map((one) => (typeof one === 'string' ? parseJson(one) : (one as unknown)));
  } catch {
    return list;
  }
}

const otherLanguages =
  /^(?:c|c\+\+|cpp|c#|csharp|java|javascript|js|typescript|ts|go|golang|rust|kotlin|scala|swift|ruby|php|perl|r|julia|haskell|lua|bash)$/i;

function requirePython(row: Columns): void {
  for (const column of ['language', 'programming_language', 'lang', 'verification_info.language']) {
    const language = at(row, column);
    if (typeof language === 'string' && otherLanguages.test(language))
      throw new DataError(
        `column "${column}": expected tests of Python programs, got ${language}; leave the row out`,
      );
  }
}

/** Rejects interactive problems, for which Codeforces specifies an interaction with the judge. */
function requireOneInput({ interaction_format: format }: Columns): void {
  if (typeof format === 'string' && format.trim() !== '')
    throw new DataError(
      'column "interaction_format": expected a program that reads its whole input, got an interactive problem; leave the row out',
    );
}

/** Counts the outcomes of GPT-4o that KodCode records: 1 for each attempt that passed. */
function passRates(sequence: unknown) {
  if (!Array.isArray(sequence) || sequence.length === 0) return [];
  const successes = sequence.filter((one) => Number(one) === 1).length;
  return [{ model: 'gpt-4o', successes, trials: sequence.length }];
}

/**
 * Columns to drop: their content is already in the tests, the prompt or the id, and they are large or reveal the tests.
 */
const noise = new Set([
  'tests',
  'test',
  'test_code',
  'test_info',
  'inputs',
  'outputs',
  'verification_info',
  'verifier_metadata',
  'gpt_pass_sequence',
  'private_tests',
  'private_test_cases',
  'generated_tests',
  'ground_truth',
  ...promptColumns,
  'question_id',
  'problem_id',
  'id',
  'starter_code',
]);
