import { DataError } from '../../core/errors.ts';
import { stringifyJson } from '../../core/lossless-json.ts';
import { afterHashes, lastBoxed, onlyGold } from './golds.ts';
import type { Columns } from './shape.ts';

type Kind = 'context' | 'choices' | 'question' | 'gold';

const columnsByKind: Readonly<Record<Kind, readonly string[]>> = {
  context: [
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
  ],
  choices: ['choices', 'options'],
  question: ['question', 'problem', 'query', 'problem_statement', 'prompt'],
  gold: [
    'answer',
    'expected_answer',
    'final_answer',
    'ground_truth',
    'gold_answer',
    'gold',
    'correct_answer',
    'reference_answer',
  ],
};
const kinds = new Map(
  (Object.keys(columnsByKind) as Kind[]).flatMap((kind) => columnsByKind[kind].map((name) => [name, kind])),
);

/** The parts of a problem taken from its row. */
interface Taken {
  /** The text of all messages. */
  readonly prompt: string;
  /** The gold; if absent, other gold columns are not compared with it. */
  readonly gold?: unknown;
  /** True if the choices are part of the prompt. */
  readonly hasChoices: boolean;
}

/**
 * Rejects a row whose other columns contradict its problem: a passage or choices that are missing from the prompt, a
 * second question, or a second, different gold.
 *
 * @throws DataError naming the column and the options that resolve the contradiction.
 */
export function requireNoContradiction(row: Columns, taken: Taken, shape: string): void {
  for (const [name, value] of Object.entries(row)) {
    const kind = kinds.get(name.toLowerCase());
    if (kind === undefined || value === taken.prompt || value === taken.gold || agrees(kind, value, taken))
      continue;
    const got = stringifyJson(value).slice(0, 60);
    const explained = {
      context: `expected its text in the question, got a question without it: ${got}; join the two in one column`,
      choices: `expected a list of two or more choices, got ${got}; write a list, or put the choices into the question`,
      question: `expected one question in the row, got a second one: ${got}; name the right one with --column prompt=${name}`,
      gold: `expected the same gold in all columns, got ${got} beside ${stringifyJson(taken.gold)?.slice(0, 60)}; name the right one with --column answer=${name}`,
    }[kind];
    throw new DataError(
      `column "${name}": ${explained}; correct the row, or accept it with --shape ${shape}`,
    );
  }
}

function agrees(kind: Kind, value: unknown, { prompt, gold, hasChoices }: Taken): boolean {
  switch (kind) {
    case 'context':
      return isContained(value, squeezed(prompt));
    case 'choices':
      return hasChoices || (isContained(value, squeezed(prompt)) && !lacksChoices(value, gold, prompt));
    case 'question':
      return (
        typeof value !== 'string' ||
        isContained(value, squeezed(prompt)) ||
        squeezed(value).includes(squeezed(prompt))
      );
    case 'gold':
      return !isScalar(value) || gold === undefined || bare(value) === bare(gold);
  }
}

/** Returns whether a gold is a letter or an index although neither the row nor the prompt lists any choices. */
const lacksChoices = (value: unknown, gold: unknown, prompt: string): boolean =>
  Array.isArray(value) &&
  value.length === 0 &&
  (/^\s*\(?[A-J]\)?\s*$/.test(String(gold)) || (typeof gold === 'number' && /^\d$/.test(String(gold)))) &&
  !/(?:^|[\s(])A\s*[).:]/.test(prompt);

const squeezed = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

/** Returns whether the prompt contains every string in a value; true for values without strings. */
function isContained(value: unknown, said: string): boolean {
  if (typeof value === 'string') return said.includes(squeezed(value));
  if (Array.isArray(value)) return value.every((one) => isContained(one, said));
  return typeof value !== 'object' || value === null || isContained(Object.values(value), said);
}

const isScalar = (value: unknown): boolean =>
  ['string', 'number', 'bigint'].includes(typeof value) && String(value).trim() !== '';

/** Strips the box, the worked solution and dollar signs from a gold for comparison. */
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
