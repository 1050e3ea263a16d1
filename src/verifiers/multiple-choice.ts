import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { hashKey } from '../core/rng.ts';
import type { Verdict } from '../core/verdict.ts';
import { noun } from '../core/noun.ts';
import { extractAnswer } from './math/extract/extract.ts';
import type { Verifier } from './verifier.ts';

/**
 * One letter of a few. The gold is a letter, or the text of one of the problem's `choices` (a list of texts, kept in
 * `extra.choices`); an answer may likewise be `B`, `(B)`, `B) twelve` or `twelve`.
 */
export const multipleChoiceConfig = z.strictObject({
  type: z.literal('multiple-choice'),
  /** The letters there are, unless the problem has `choices`: then as many as those. */
  letters: z
    .string()
    .regex(/^[A-Z]{2,26}$/, { error: 'expected capital letters, such as ABCD' })
    .default('ABCDEFGHIJ'),
  /** What counts as an answer: the last `\boxed{…}`; also "the answer is B"; or also a bare letter on the last line. */
  extraction: z.enum(['boxed', 'marked', 'anywhere']).default('anywhere'),
});
type MultipleChoiceConfig = z.output<typeof multipleChoiceConfig>;

/** Recipe noun for multiple-choice questions. */
export const multipleChoice = noun(multipleChoiceConfig);

/** What can be chosen: letters, and the texts beside them where the problem tells. */
interface Choices {
  readonly letters: string;
  readonly texts: readonly string[];
}

/** A verifier without resources. */
export function openMultipleChoice(config: MultipleChoiceConfig): Verifier {
  const version = `1-${hashKey(JSON.stringify(config)).toString(36)}`;
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
  const extracted = extractAnswer(completion, extraction === 'anywhere' ? 'marked' : extraction, isChoice);
  const text = extracted?.text ?? (extraction === 'anywhere' ? lastLine(completion) : '');
  const choice = chosen(text, choices);
  const evidence = {
    gold,
    extracted: text,
    ...(extracted !== undefined && { span: [extracted.start, extracted.end] }),
  };
  if (choice === undefined)
    return { outcome: 'unparsed', score: 0, reason: 'chooses none of the letters', evidence };
  const isRight = choice === gold;
  return {
    outcome: isRight ? 'correct' : 'incorrect',
    score: isRight ? 1 : 0,
    reason: isRight ? `chooses ${gold}` : `chooses ${choice}, not ${gold}`,
    evidence: { ...evidence, normalised: { gold, answer: choice } },
  };
}

/** The letter a short text chooses: by its letter, or by being the text of exactly one choice. */
function chosen(text: string, { letters, texts }: Choices): string | undefined {
  const bare = text
    .replaceAll(/\\(?:text(?:bf|rm|it)?|math(?:bf|rm))|[\\{}$*]/g, '')
    .replace(/^\s*(?:option|choice|answer)\b[\s:]*/i, '')
    .trim();
  const letter = /^\(?([A-Za-z])(?:\)?[.:]?$|\)?[.:]\s|\)\s?)/.exec(bare)?.[1]?.toUpperCase();
  if (letter !== undefined && letters.includes(letter)) return letter;
  const same = texts.map((one, i) => [fold(one), letters[i]!]).filter(([one]) => one === fold(bare));
  return same.length === 1 ? same[0]![1] : undefined;
}

const fold = (text: string): string => text.toLowerCase().replaceAll(/\s+/g, ' ').trim().replace(/\.$/, '');

const lastLine = (completion: string): string =>
  completion.split('</think>').at(-1)!.slice(-8192).trimEnd().split('\n').at(-1)!;

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
