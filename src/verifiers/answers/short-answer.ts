import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import { DataError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import type { Verdict } from '../../core/verdict.ts';
import type { Verifier } from '../verifier.ts';

/**
 * Judges short answers in words, as open-domain question answering does: compares the last `<answer>…</answer>` with
 * the gold, or with each of several golds (a list in `extra.golden_answers`), of which the best match counts. Compares
 * texts after SQuAD's normalisation: lower case, without punctuation and without a, an, the.
 */
export const shortAnswerConfig = z.strictObject({
  type: z.literal('short-answer'),
  /**
   * The score: `em`, 1 for the same words; `cover`, 1 for an answer that contains all words of a gold consecutively;
   * `f1`, the harmonic mean of precision and recall of the words, where yes and no must match exactly. Only a score of
   * 1 is `correct`.
   */
  metric: z.enum(['f1', 'em', 'cover']).default('em'),
  /** Name of the tag around the answer. */
  tag: z
    .string()
    .regex(/^[A-Za-z][\w-]*$/, { error: 'expected the name of a tag, such as answer' })
    .default('answer'),
  /**
   * Maximum number of words in an answer; a longer answer is wrong, unless the gold is equally long. Prevents `cover`
   * from rewarding lists of guesses.
   */
  maxWords: z.int().positive().default(10),
});
type ShortAnswerConfig = z.output<typeof shortAnswerConfig>;

/** Creates the recipe entry for the verifier of short answers in words. */
export const shortAnswer = noun(shortAnswerConfig);

/** Opens the verifier, which needs no resources. */
export function openShortAnswer(config: ShortAnswerConfig): Verifier {
  const version = `1-${hashKey(JSON.stringify(config)).toString(36)}`;
  return {
    name: 'short-answer',
    version,
    check: (problem) => void goldsOf(problem),
    verify: async (problem, completion) => ({
      ...judge(completion, goldsOf(problem), config),
      verifier: `short-answer@${version}`,
    }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function judge(
  completion: string,
  golds: readonly string[],
  { metric, tag, maxWords }: ShortAnswerConfig,
): Omit<Verdict, 'verifier'> {
  const found = lastTagged(completion, tag);
  if (found === undefined)
    return {
      outcome: 'unparsed',
      score: 0,
      reason: `found no <${tag}>…</${tag}> with an answer`,
      evidence: { golds },
    };
  const { text, span } = found;
  const answer = normaliseAnswer(text);
  const scored = golds.map((gold) => ({ gold, score: scores[metric](answer, normaliseAnswer(gold)) }));
  const best = scored.reduce((a, b) => (b.score > a.score ? b : a));
  const evidence = { gold: best.gold, ...(golds.length > 1 && { golds }), extracted: text, span };
  const most = Math.max(maxWords, ...golds.map((gold) => wordsOf(normaliseAnswer(gold)).length));
  const words = wordsOf(answer).length;
  if (words > most)
    return {
      outcome: 'incorrect',
      score: 0,
      reason: `an answer of ${words} words; expected at most ${most}`,
      evidence,
    };
  const isCorrect = best.score === 1;
  return {
    outcome: isCorrect ? 'correct' : 'incorrect',
    score: best.score,
    reason: `${metric} ${best.score.toFixed(2)} against ${JSON.stringify(best.gold)}`,
    evidence,
  };
}

/** Returns the content of the last closed pair of tags, if there is one. */
function lastTagged(
  completion: string,
  tag: string,
): { readonly text: string; readonly span: readonly [number, number] } | undefined {
  const end = completion.lastIndexOf(`</${tag}>`);
  const open = `<${tag}>`;
  const start = completion.lastIndexOf(open, end) + open.length;
  if (end < 0 || start < open.length) return undefined;
  const text = completion.slice(start, end).trim();
  return text === '' ? undefined : { text, span: [start, end] };
}

/**
 * Applies SQuAD's normalisation (Rajpurkar et al., 2016, `evaluate-v1.1.py`), for all of Unicode's punctuation. A text
 * that consists only of articles and punctuation keeps its lower-case form, so that it can still be compared.
 */
export function normaliseAnswer(text: string): string {
  const lower = text.normalize('NFKC').toLowerCase();
  const words = lower.replaceAll(/[\p{P}\p{S}]/gu, '').replaceAll(/\b(?:a|an|the)\b/g, ' ');
  return wordsOf(words).join(' ') || wordsOf(lower).join(' ');
}

const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

/** The metrics as functions that score a normalised answer against a normalised gold. */
const scores: Readonly<Record<ShortAnswerConfig['metric'], (answer: string, gold: string) => number>> = {
  em: (answer, gold) => Number(answer === gold),
  cover: (answer, gold) => Number(` ${answer} `.includes(` ${gold} `)),
  f1,
};

/** Answers that must match exactly, because they share words with their opposites. */
const exactAnswers = new Set(['yes', 'no', 'noanswer']);

function f1(answer: string, gold: string): number {
  if (answer === gold) return 1;
  if (exactAnswers.has(answer) || exactAnswers.has(gold)) return 0;
  const [given, wanted] = [wordsOf(answer), wordsOf(gold)];
  const left = new Map<string, number>();
  for (const word of wanted) left.set(word, (left.get(word) ?? 0) + 1);
  let shared = 0;
  for (const word of given) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    shared++;
  }
  return (2 * shared) / (given.length + wanted.length);
}

function goldsOf({ id, source, answer, extra }: Problem): readonly string[] {
  const listed = z.array(z.string()).safeParse(extra?.['golden_answers']);
  const golds = [...new Set([...(answer === undefined ? [] : [answer]), ...(listed.data ?? [])])];
  const filled = golds.filter((gold) => gold.trim() !== '');
  if (filled.length > 0) return filled;
  throw new DataError(`problem ${id} (${source}): expected an "answer" or "golden_answers", got neither`);
}
