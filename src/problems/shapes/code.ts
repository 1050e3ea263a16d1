import { interfaceNote } from './interface-note.ts';
import { at, type Shape } from './shape.ts';
import { readTests } from './tests/read-problem.ts';

const testColumns = [
  'entry_point',
  'test_list',
  'public_test_cases',
  'public_tests',
  'input_output',
  'official_tests',
  'test_cases',
];
const promptColumns = ['prompt', 'question_content', 'question', 'problem', 'description', 'text'];

/** Where a row's tests are once they are read. */
const testsRead = 'tests read';

/** HumanEval, MBPP, APPS, TACO, LiveCodeBench, CodeContests, Codeforces, DeepCoder, and verl's code rows. */
export const code: Shape = {
  name: 'code',
  reads: `a prompt (${promptColumns.join(', ')}) and tests (${testColumns.join(', ')}, tests, or verl's ground_truth)`,
  matches: (row) =>
    testColumns.some((column) => row[column] != null) ||
    Array.isArray(row['tests']) ||
    String(at(row, 'ability')).toLowerCase() === 'code',
  domain: 'code',
  columns: { id: 'task_id', prompt: 'prompt', domain: 'ability', source: 'data_source', tests: testsRead },
  derive(row, where) {
    const tests = readTests(row, where);
    const { reward_model: _rewardModel, ability: _ability, ...rest } = row;
    const kept = Object.entries(rest).filter(([name]) => !testColumns.includes(name) && !noise.has(name));
    const question = promptColumns.map((name) => row[name]).find((value) => value != null && value !== '');
    const isText = typeof question === 'string';
    const prompt = isText ? question + interfaceNote(row, tests) : question;
    const id = ['task_id', 'question_id', 'problem_id', 'id']
      .map((name) => row[name])
      .find((one) => one != null);
    return { ...Object.fromEntries(kept), prompt, task_id: id, [testsRead]: tests };
  },
};

/** Columns whose content is in the tests, the prompt or the id once those are read, and is large or secret. */
const noise = new Set([
  'tests',
  'test',
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
