import { DataError } from '../../core/errors.ts';
import { stringifyJson } from '../../core/lossless-json.ts';
import { readStructure } from './structured-text.ts';
import type { Columns, Shape } from './shape.ts';

const questionColumns = ['question', 'Question', 'question_stem', 'problem', 'prompt', 'query'];
const choiceColumns = ['choices', 'options', 'Options'];
/** Columns that can only contain a position, counted from 0. */
const indexColumns = ['answer_index', 'answer_idx', 'correct_index', 'correct_idx', 'gold', 'label', 'cop'];
const goldColumns = [
  'answer',
  'Answer',
  'answerKey',
  'answer_letter',
  'correct',
  'correct_answer',
  'correct_option',
  'expected_answer',
];
const letters = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ');

/** The choices of a row, with the label of each. */
interface Choices {
  readonly texts: readonly string[];
  readonly labels: readonly string[];
}

/**
 * MMLU, MMLU-Pro, ARC, C-Eval, AQuA and other data sets with choices in separate columns. The choices are added below
 * the question, the gold becomes a letter, and `extra.choices` contains the texts for the multiple-choice verifier.
 */
export const multipleChoice: Shape = {
  name: 'multiple-choice',
  reads: `question, ${choiceColumns.slice(0, 2).join(' or ')} (or columns A, B, C, …), and the right one as a letter, its position from 0, or its text`,
  matches: (row) =>
    choicesIn(row) !== undefined && questionIn(row) !== undefined && goldIn(row) !== undefined,
  columns: { prompt: 'question with choices', answer: 'letter of the answer', id: 'id' },
  domain: 'multiple-choice',
  derive(row) {
    const choices = choicesIn(row);
    if (choices === undefined)
      throw new DataError('column "choices": expected two or more choices, got none; leave the row out');
    const question = questionIn(row) ?? '';
    const used = new Set([question, goldIn(row) ?? '', ...choiceColumns, ...lettered(row)]);
    const rest = Object.entries(row).filter(([name]) => !used.has(name));
    return {
      ...Object.fromEntries(rest),
      choices: choices.texts,
      'question with choices': withChoices(String(row[question]), choices),
      'letter of the answer': letterOf(row, choices),
    };
  },
};

const questionIn = (row: Columns): string | undefined =>
  questionColumns.find((name) => typeof row[name] === 'string');

const goldIn = (row: Columns): string | undefined =>
  [...indexColumns.slice(0, 4), ...goldColumns, ...indexColumns.slice(4)].find(
    (name) => row[name] != null && row[name] !== '' && row[name] !== -1,
  );

/**
 * Reads the choices of a row: a list, a list encoded as a string, labels with texts, an object keyed by letter, or one
 * column per letter. Returns undefined if there are none.
 */
export function choicesIn(row: Columns): Choices | undefined {
  const column = choiceColumns.find((name) => row[name] != null);
  const given = column === undefined ? undefined : row[column];
  const value = typeof given === 'string' ? readStructure(given) : given;
  const choices = value === undefined || value === null ? byLetter(row, lettered(row)) : choicesOf(value);
  return choices !== undefined && choices.texts.length > 1 && choices.texts.length <= letters.length
    ? choices
    : undefined;
}

const letterColumns = [
  (letter: string) => letter,
  (letter: string) => `option_${letter.toLowerCase()}`,
  (letter: string) => `op${letter.toLowerCase()}`,
].map((nameOf) => letters.map(nameOf));

/** Returns the columns A, B, C, … or option_a, option_b, … of a row, up to the first gap. */
function lettered(row: Columns): string[] {
  const names = letterColumns.find(([first]) => row[first!] != null) ?? [];
  const end = names.findIndex((name) => row[name] == null || row[name] === '');
  return end > 1 ? names.slice(0, end) : [];
}

const byLetter = (row: Columns, names: readonly string[]): Choices | undefined =>
  names.length === 0
    ? undefined
    : { texts: names.map((name) => String(row[name])), labels: letters.slice(0, names.length) };

function choicesOf(value: unknown): Choices | undefined {
  if (Array.isArray(value)) return listed(value);
  if (typeof value !== 'object' || value === null) return undefined;
  const { text, label } = value as Columns;
  if (Array.isArray(text) && Array.isArray(label) && text.length === label.length)
    return { texts: text.map(String), labels: label.map(String) };
  const entries = Object.entries(value).filter(([, one]) => one != null);
  return entries.length > 0 && entries.every(([name]) => /^[A-Z]$/i.test(name))
    ? { texts: entries.map(([, one]) => String(one)), labels: entries.map(([name]) => name.toUpperCase()) }
    : undefined;
}

function listed(values: readonly unknown[]): Choices | undefined {
  if (values.every((one) => typeof one !== 'object' || one === null)) return unlabelled(values.map(String));
  // `[{"A": "…"}, {"B": "…"}]` and `[{"label": "A", "text": "…"}]`.
  const parts = values.map((one) => {
    const { label, text, key = label, content = text, ...others } = one as Columns;
    const [[name, said] = []] = key === undefined ? Object.entries(others) : [[key, content] as const];
    return { label: typeof name === 'string' ? name : '', text: said };
  });
  return parts.every(({ label, text }) => /^[A-Z]$/i.test(label) && text != null)
    ? { texts: parts.map(({ text }) => String(text)), labels: parts.map(({ label }) => label.toUpperCase()) }
    : undefined;
}

/** Labels choices by letter, and strips the letters if every text begins with its own: `A)21`, `(B) 21.5`, `C. 23`. */
function unlabelled(texts: readonly string[]): Choices {
  const bare = texts.map(
    (text, i) => new RegExp(`^\\s*\\(?${letters[i] ?? '-'}\\s*[).:]\\s*(.+)$`, 's').exec(text)?.[1],
  );
  const isLabelled = bare.every((text) => text !== undefined);
  return { texts: isLabelled ? bare : texts, labels: letters.slice(0, texts.length) };
}

function withChoices(question: string, { texts }: Choices): string {
  const isShown = texts.every((text) => question.includes(text)) && /(?:^|[\s(])A\s*[).:]/.test(question);
  return isShown ? question : `${question}\n\n${texts.map((text, i) => `${letters[i]}. ${text}`).join('\n')}`;
}

/**
 * Returns the letter of the correct choice. Throws a `DataError` if the gold matches no choice or more than one.
 */
function letterOf(row: Columns, choices: Choices): string {
  const column = goldIn(row) ?? 'answer';
  const gold = row[column];
  requireSamePosition(row, choices);
  const named = positionOf(gold, column, row, choices);
  const texts = choices.texts.map((text) => text.trim());
  const said = texts.indexOf(String(gold).trim());
  const isUnclear =
    named !== undefined &&
    said >= 0 &&
    said !== named &&
    !indexColumns.includes(column) &&
    !isMmlu(row, gold);
  const position = named ?? (said >= 0 ? said : undefined);
  if (position !== undefined && !isUnclear) return letters[position]!;
  const choicesText = stringifyJson(texts).slice(0, 200);
  throw new DataError(
    isUnclear
      ? `column "${column}": expected a letter, since ${stringifyJson(gold)} is a position and the text of another choice in ${choicesText}; write the letter`
      : `column "${column}": expected a letter, a position from 0, or a text among ${choicesText}, got ${stringifyJson(gold)}; leave the row out`,
  );
}

/** @throws DataError if the letter in `answer` and a position in another column select different choices. */
function requireSamePosition(row: Columns, choices: Choices): void {
  const { answer } = row;
  if (typeof answer !== 'string' || !/^\(?[A-Z]\)?$/.test(answer.trim())) return;
  const letter = positionOf(answer, 'answer', row, choices);
  const column = indexColumns.slice(0, 4).find((name) => row[name] != null);
  if (column === undefined || letter === undefined) return;
  const position = positionOf(row[column], column, row, choices);
  if (position === undefined || position === letter) return;
  throw new DataError(
    `column "${column}": expected the position of "answer" ${answer.trim()}, which is ${letter}, got ${stringifyJson(row[column])}; correct the row`,
  );
}

/** Detects MMLU by its columns: its answers are positions, even if the choices are numbers. */
const isMmlu = (row: Columns, gold: unknown): boolean =>
  typeof gold === 'number' && typeof row['subject'] === 'string';

function positionOf(gold: unknown, column: string, row: Columns, choices: Choices): number | undefined {
  const text = String(gold).trim();
  const label = choices.labels.indexOf(
    /^\(?[A-Z]\)?[.:]?$/i.test(text) ? text.replaceAll(/[().:]/g, '').toUpperCase() : text,
  );
  if (label >= 0) return label;
  const repeated = /^\(?([A-Z])\)?[.:)]?\s+(.+)$/s.exec(text);
  const named = repeated === null ? -1 : choices.labels.indexOf(repeated[1]!);
  if (named >= 0 && choices.texts[named]!.trim() === repeated![2]!.trim()) return named;
  const isIndex =
    indexColumns.includes(column) || isMmlu(row, gold) || typeof gold === 'number' || /^\d+$/.test(text);
  const index = isIndex ? Number(text) : Number.NaN;
  return Number.isInteger(index) && index >= 0 && index < choices.texts.length ? index : undefined;
}
