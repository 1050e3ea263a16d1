import { DataError } from '../../core/errors.ts';
import { at, hasTexts, type Columns, type Shape } from './shape.ts';
import { verl } from './verl.ts';

/** The domain of questions whose answers are a few words, judged by `shortAnswer()`. */
const domain = 'short-answer';

/**
 * Returns the strings in a list of golds, or a single gold as a list.
 *
 * @throws DataError beginning with the column's name.
 */
function goldsIn(value: unknown, column: string): readonly string[] {
  const golds = [value].flat();
  if (golds.length > 0 && golds.every((gold) => typeof gold === 'string' && gold.trim() !== ''))
    return golds as string[];
  throw new DataError(`column "${column}": expected a string or a list of strings, each an accepted answer`);
}

/** FlashRAG (NQ, TriviaQA, HotpotQA, 2Wiki, MuSiQue, …): a question with several golds. */
export const flashRag: Shape = {
  name: 'flashrag',
  reads: 'question, golden_answers (all of them are accepted), id, metadata',
  matches: (row) =>
    hasTexts(row, 'question') && Array.isArray(row['golden_answers']) && row['prompt'] == null,
  columns: { prompt: 'question', answer: 'first golden answer' },
  domain,
  derive: (row) => withGolds(row, goldsIn(row['golden_answers'], 'golden_answers')),
};

const target = 'reward_model.ground_truth.target';

/** Search-R1: verl rows with a list of golds in `reward_model.ground_truth.target`. Ids repeat between its data sets. */
export const searchR1: Shape = {
  ...verl,
  name: 'search-r1',
  reads: 'prompt, reward_model.ground_truth.target (all of them are accepted), data_source, extra_info',
  matches: (row) => row['prompt'] != null && at(row, target) != null,
  columns: { prompt: 'prompt', answer: 'first golden answer', source: 'data_source' },
  domain,
  derive({ id, ability: _ability, reward_model, ...row }) {
    const golds = goldsIn(at({ reward_model }, target), target);
    return withGolds({ ...row, ...(id != null && { question_id: id }) }, golds);
  },
};

const withGolds = (row: Columns, golds: readonly string[]): Columns => ({
  ...row,
  'first golden answer': golds[0],
  golden_answers: golds,
});
