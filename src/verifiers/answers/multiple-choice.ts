import * as z from 'zod';
import { DataError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import type { Verdict } from '../../core/verdict.ts';
import { noun } from '../../core/config-builder.ts';
import { lastBoxed } from '../math/extract/boxes.ts';
import { extractAnswer } from '../math/extract/extract.ts';
import type { Extracted } from '../math/extract/extracted.ts';
import { spellInAscii } from '../math/read/unicode.ts';
import { answerStart } from '../thinking.ts';
import type { Verifier } from '../verifier.ts';

/**
 * Judges multiple-choice answers. The gold is a letter, or the text of one of the problem's `choices` (a list of
 * strings in `extra.choices`); an answer may be `B`, `(B)`, `B) twelve` or `twelve`.
 */
export const multipleChoiceConfig = z.strictObject({
  type: z.literal('multiple-choice'),
  /** Valid letters. A problem with `choices` uses one letter per choice instead. */
  letters: z
    .string()
    .regex(/^[A-Z]{2,26}$/, { error: 'expected capital letters, such as ABCD' })
    .default('ABCDEFGHIJ'),
  /**
   * What counts as an answer. `boxed`: the last `\boxed{…}`; `marked`: also "the answer is B"; `anywhere`: also a bare
   * letter on the last line.
   */
  extraction: z.enum(['boxed', 'marked', 'anywhere']).default('anywhere'),
});
type MultipleChoiceConfig = z.output<typeof multipleChoiceConfig>;

/** Creates the recipe entry for the verifier of multiple-choice questions. */
export const multipleChoice = noun(multipleChoiceConfig);

/** Choices of a problem: letters, with texts if the problem has them. */
interface Choices {
  readonly letters: string;
  readonly texts: readonly string[];
}

/** Opens the verifier, which needs no resources. */
export function openMultipleChoice(config: MultipleChoiceConfig): Verifier {
  const version = `4-${hashKey(JSON.stringify(config)).toString(36)}`;
  return {
    name: 'multiple-choice',
    version,
    check: (problem) => void goldOf(problem, config),
    verify: async (problem, completion) => ({
      ...judge(completion, goldOf(problem, config), choicesOf(problem, config), config),
      verifier: `multiple-choice@${version}`,
    }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function judge(
  completion: string,
  gold: string,
  choices: Choices,
  { extraction }: MultipleChoiceConfig,
): Omit<Verdict, 'verifier'> {
  const isChoice = (text: string): boolean => chosen(text, choices) !== undefined;
  const { text, span } = findChoice(completion, extraction, isChoice);
  const choice = chosen(text, choices);
  const evidence = {
    gold,
    extracted: text,
    ...(span && { span }),
  };
  if (choice === undefined) return { outcome: 'unparsed', score: 0, reason: 'found no choice', evidence };
  const isRight = choice === gold;
  return {
    outcome: isRight ? 'correct' : 'incorrect',
    score: isRight ? 1 : 0,
    reason: isRight ? `chooses ${gold}` : `chooses ${choice}, not ${gold}`,
    evidence: { ...evidence, normalised: { gold, answer: choice } },
  };
}

interface Found {
  readonly text: string;
  readonly span?: readonly [number, number];
}

/**
 * Returns the text that contains the choice. A box that contains no choice is an intermediate formula; then a marker
 * ("Answer: D") counts, or else the last line. A truncated box counts as the answer.
 */
function findChoice(
  completion: string,
  extraction: MultipleChoiceConfig['extraction'],
  isChoice: (text: string) => boolean,
): Found {
  const extracted = extractAnswer(completion, extraction === 'anywhere' ? 'marked' : extraction, isChoice);
  if (extraction === 'boxed' || (extracted !== undefined && isChoice(extracted.text)))
    return spanned(extracted);
  const isBoxed = extracted?.by === 'box' && !mayChoose(extracted.text);
  const marked = isBoxed ? extractAnswer(completion.slice(extracted.end), 'marked', isChoice) : undefined;
  if (extracted !== undefined && marked !== undefined && isChoice(marked.text))
    return spanned({ ...marked, start: marked.start + extracted.end, end: marked.end + extracted.end });
  const isOpen = extracted !== undefined || extraction !== 'anywhere' || hasUnfinishedBox(completion);
  return isOpen ? spanned(extracted) : { text: statedChoice(lastLine(completion)) };
}

/** Matches "Option B is correct.", "I'll go with B.", "My choice is B." and "Hence B." */
const statements = [
  /^(?:so|thus|hence|therefore)?,?\s*(?:the )?(?:option|choice|answer)?\s*\(?([A-Z])\)?,?\s+is\s+(?:the\s+)?(?:correct|right|best|answer)(?:\s+(?:answer|option|choice))?\.?$/i,
  /^(?:so|thus|hence|therefore)?,?\s*i(?:'d|'ll| would| will)?\s+(?:choose|pick|select|go with)\s+(?:(?:option|choice|answer)\s+)?\(?([A-Z])\)?\.?$/i,
  /^(?:so|thus|hence|therefore)?,?\s*(?:the|my|our)\s+(?:final |correct |right |best )?(?:choice|option|letter|pick)\s+is\s+\(?([A-Z])\)?\.?$/i,
  /^(?:so|thus|hence|therefore),?\s*\(?([A-Z])\)?\.?$/i,
  /^(?:所以|因此|故)?[,，]?\s*(?:选项|答案)?\s*\(?([A-Z])\)?\s*(?:选项|项)?是?正确的?[.。]?$/,
];

/** Returns the letter that a sentence declares correct, or the text unchanged. */
function statedChoice(line: string): string {
  const bare = bareText(line);
  for (const statement of statements) {
    const letter = statement.exec(bare)?.[1];
    if (letter !== undefined) return letter;
  }
  return line;
}

function spanned(extracted: Extracted | undefined): Found {
  return extracted === undefined
    ? { text: '' }
    : { text: extracted.text, span: [extracted.start, extracted.end] };
}

/**
 * Returns whether a text consists only of letters and so attempts to choose: `\boxed{A, B}`, `\boxed{Z}`.
 */
function mayChoose(text: string): boolean {
  return /^[\s(]*[A-Za-z][\s),.]*(?:(?:,|and|or|\s)\s*\(?[A-Za-z][\s),.]*)*$/.test(bareText(text));
}

function hasUnfinishedBox(completion: string): boolean {
  return lastBoxed(completion.slice(-8192)) === 'unfinished';
}

/** Removes TeX font commands, grouping brackets and emphasis marks. */
function bareText(text: string): string {
  return text.replaceAll(/\\(?:text(?:bf|rm|it)?|math(?:bf|rm)|boxed)|[\\{}$*"`“”]/g, '').trim();
}

/**
 * Returns the letter that a short text chooses, either as a letter or as the text of exactly one choice; undefined if
 * it chooses none.
 */
function chosen(text: string, { letters, texts }: Choices): string | undefined {
  const bare = spellInAscii(bareText(text))
    .replace(/^\s*(?:(?:the )?(?:option|choice|answer)\b|选项?|答案)[\s:是为]*/i, '')
    .replace(/\s*(?:选项|项|です|である|입니다|이다)[.。]?$/, '')
    .trim();
  const letter =
    /^[([]?([A-Za-z])(?:[)\]]?[.:。]?$|[)\]]?[.:]\s|[)\]]\s?|[)\]]?,?\s\(?(?=(?:because|since|as)\b)|[)\]]?(?:,\s|\s\()(?=not\b)|[)\]]?\s[-–—]\s(?![A-Za-z]\b))/
      .exec(bare)?.[1]
      ?.toUpperCase();
  if (letter !== undefined && letters.includes(letter)) return letter;
  const same = texts.map((one, i) => [fold(one), letters[i]!]).filter(([one]) => one === fold(bare));
  return same.length === 1 ? same[0]![1] : undefined;
}

const fold = (text: string): string => text.toLowerCase().replaceAll(/\s+/g, ' ').trim().replace(/\.$/, '');

const lastLine = (completion: string): string =>
  completion.slice(answerStart(completion)).slice(-8192).trimEnd().split('\n').at(-1)!;

function choicesOf({ extra }: Problem, { letters }: MultipleChoiceConfig): Choices {
  const texts = z.array(z.string()).min(2).max(letters.length).safeParse(extra?.['choices']);
  return texts.success
    ? { letters: letters.slice(0, texts.data.length), texts: texts.data }
    : { letters, texts: [] };
}

function goldOf(problem: Problem, config: MultipleChoiceConfig): string {
  const choices = choicesOf(problem, config);
  const gold = chosen(problem.answer ?? '', choices);
  if (gold !== undefined) return gold;
  throw new DataError(
    `problem ${problem.id} (${problem.source}): expected one of the letters ${choices.letters}` +
      `${choices.texts.length > 0 ? ' or the text of one of its choices' : ''}, got ${JSON.stringify(problem.answer) ?? 'none'}`,
  );
}
