import { DataError } from '../../core/errors.ts';
import { stringifyJson } from '../../core/lossless-json.ts';
import { afterHashes, lastBoxed, onlyGold } from './golds.ts';
import type { Columns } from './shape.ts';

const contextColumns = [
  'body',
  'context',
  'passage',
  'story',
  'article',
  'paragraph',
  'paragraphs',
  'premise',
  'support',
  'background',
  'scenario',
  'table',
  'document',
  'documents',
];
const questionColumns = ['question', 'problem', 'query', 'problem_statement', 'prompt'];
const goldColumns = [
  'answer',
  'expected_answer',
  'final_answer',
  'ground_truth',
  'gold_answer',
  'gold',
  'correct_answer',
  'reference_answer',
];

const choiceColumns = ['choices', 'options'];

/** The parts of a problem taken from its row. */
interface Taken {
  /** The text of all messages. */
  readonly prompt: string;
  /** Absent: other gold columns are not compared. */
  readonly gold?: unknown;
  /** Whether the choices are part of the prompt. */
  readonly hasChoices: boolean;
}

/**
 * Rejects a row whose other columns contradict its problem: a passage or choices that the prompt lacks, a second question,
 * a second gold that differs.
 *
 * @throws DataError naming the column and the options.
 */
export function requireNoContradiction(
  row: Columns,
  { prompt, gold, hasChoices }: Taken,
  shape: string,
): void {
  const said = squeezed(prompt);
  const anyCase = new Map(Object.entries(row).map(([name, value]) => [name.toLowerCase(), { name, value }]));
  const wayOn = `; correct the row, or accept it with --shape ${shape}`;
  for (const column of contextColumns) {
    const { name, value } = anyCase.get(column) ?? {};
    if (value === undefined || isContained(value, said)) continue;
    throw new DataError(
      `column "${name}": expected its text in the question, got a question without it: ` +
        `${stringifyJson(value).slice(0, 60)}; join the two in one column${wayOn}`,
    );
  }
  for (const column of choiceColumns) {
    const { name, value } = anyCase.get(column) ?? {};
    if (hasChoices || value === undefined || isContained(value, said)) continue;
    throw new DataError(
      `column "${name}": expected a list of two or more choices, got ${stringifyJson(value).slice(0, 60)}; ` +
        `write a list, or put the choices into the question${wayOn}`,
    );
  }
  for (const column of questionColumns) {
    const { name, value } = anyCase.get(column) ?? {};
    if (typeof value !== 'string' || isContained(value, said) || squeezed(value).includes(said)) continue;
    throw new DataError(
      `column "${name}": expected one question in the row, got a second one: ${stringifyJson(value).slice(0, 60)}; ` +
        `name the right one with --column prompt=${name}${wayOn}`,
    );
  }
  for (const column of goldColumns) {
    const { name, value } = anyCase.get(column) ?? {};
    if (!isScalar(value) || gold === undefined || bare(value) === bare(gold)) continue;
    throw new DataError(
      `column "${name}": expected the same gold in all columns, got ${stringifyJson(value).slice(0, 60)} beside ` +
        `${stringifyJson(gold).slice(0, 60)}; name the right one with --column answer=${name}${wayOn}`,
    );
  }
}

const squeezed = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

/** Checks whether the prompt contains every text in a value; true for values without text. */
function isContained(value: unknown, said: string): boolean {
  if (typeof value === 'string') return said.includes(squeezed(value));
  if (Array.isArray(value)) return value.every((one) => isContained(one, said));
  return typeof value !== 'object' || value === null || isContained(Object.values(value), said);
}

const isScalar = (value: unknown): boolean =>
  ['string', 'number', 'bigint'].includes(typeof value) && String(value).trim() !== '';

/** Strips box, worked solution and dollar signs from a gold for comparison. */
function bare(value: unknown): string {
  let gold: unknown = value;
  try {
    gold = onlyGold(value, '');
  } catch {
    // Compare a structure as JSON.
  }
  const text = typeof gold === 'string' ? gold : stringifyJson(gold);
  const answer = (lastBoxed(text) ?? afterHashes(text) ?? text).replaceAll(/[\s$]/g, '').toLowerCase();
  const number = Number(answer);
  return answer !== '' && Number.isSafeInteger(number) ? String(number) : answer;
}
