import { DataError } from '../../core/errors.ts';
import { code } from './code.ts';
import { choicesIn, multipleChoice } from './multiple-choice.ts';
import { promptOf } from './messages.ts';
import { at, type Columns, type Shape } from './shape.ts';

const input = 'responses_create_params.input';
const golds = [
  'expected_answer',
  'verifier_metadata.expected_answer',
  'ground_truth',
  'verifier_metadata.ground_truth',
  'answer',
];

/** NeMo-Gym: a request to a model, with the fields that its resources server uses for verification. */
export const nemoGym: Shape = {
  name: 'nemo-gym',
  reads:
    'responses_create_params.input, and verifier_metadata.unit_tests, or expected_answer (with options: a choice)',
  matches: (row) => at(row, input) != null,
  columns: {
    id: 'task_id',
    prompt: 'prompt',
    answer: 'gold',
    tests: code.columns.tests!,
    passRates: code.columns.passRates!,
    domain: 'domain of the task',
  },
  derive(row, where) {
    const { responses_create_params: request, verifier_metadata: metadata, uuid, id = uuid, ...rest } = row;
    if (hasTools(request))
      throw new DataError(
        'column "responses_create_params.tools": expected a task without tools, got one that calls them; leave the row out',
      );
    const prompt = promptOfRequest(request as Columns);
    if (at(row, 'verifier_metadata.unit_tests') != null)
      return {
        ...code.derive!({ ...rest, verifier_metadata: metadata, prompt, id }, where),
        'domain of the task': 'code',
      };
    const column = golds.find((name) => at(row, name) != null);
    const choices = choicesIn(row);
    if (column === undefined)
      throw new DataError(
        `column "verifier_metadata": expected unit_tests or one of ${golds.join(', ')}, got none; no verifier supports this task; remove the row`,
      );
    return {
      ...rest,
      ...(choices === undefined ? {} : { choices: choices.texts }),
      prompt,
      task_id: id,
      gold: at(row, column),
      'domain of the task': choices === undefined ? 'math' : multipleChoice.domain,
    };
  },
};

const hasTools = (request: unknown): boolean => {
  const tools = at({ request }, 'request.tools');
  return Array.isArray(tools) && tools.length > 0;
};

/** Returns the messages of a request to OpenAI's Responses API; `instructions` becomes the system message. */
function promptOfRequest({ input: given, instructions }: Columns): unknown {
  const messages = typeof given === 'string' ? [{ role: 'user', content: given }] : promptOf(given);
  return typeof instructions === 'string' && instructions !== '' && Array.isArray(messages)
    ? [{ role: 'system', content: instructions }, ...(messages as unknown[])]
    : messages;
}
