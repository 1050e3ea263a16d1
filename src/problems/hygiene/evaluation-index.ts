import type { Problem } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import { comparedQuestionOf } from './golds.ts';
import { contentOf, numbersOf, tokensOf } from './normal-form.ts';
import { hashesOf, shinglesOf } from './shingles.ts';

/** A set of problems that must stay out of training. */
export interface EvaluationSet {
  readonly name: string;
  readonly problems: AsyncIterable<Problem> | Iterable<Problem>;
}

/** A text prepared for comparison. */
export interface ComparedText {
  /** The normal form, which is equal for texts that differ only in spelling, spacing and mark-up. */
  readonly normalForm: string;
  readonly content: readonly string[];
  /** The numbers in the text, sorted as strings. */
  readonly numbers: readonly string[];
  /** A Bloom filter of the numbers: a text without one of the bits lacks that number. */
  readonly numberBits: number;
  /** Hashes of the runs of two and of three tokens, ascending. */
  readonly pairs: Uint32Array;
  readonly triples: Uint32Array;
}

/** An evaluation problem prepared for lookup. */
export interface Target extends ComparedText {
  readonly set: string;
  readonly id: string;
  readonly gold: string | undefined;
}

/** The problems of all evaluation sets, indexed for lookup. */
export interface EvaluationIndex {
  readonly byText: ReadonlyMap<string, Target>;
  /** Finds targets that share a rare pair of words with a text. */
  candidates(text: ComparedText): Set<Target>;
  /** Inverse document frequency of a pair: ln((N + 1) / n) if n of N targets contain it. */
  weightOf(pair: number): number;
}

/** Prepares a problem's text for comparison. */
export function comparedText(problem: Pick<Problem, 'prompt'>): ComparedText {
  const tokens = tokensOf(comparedQuestionOf(problem));
  const content = contentOf(tokens);
  const words = hashesOf(content);
  const numbers = numbersOf(tokens);
  return {
    normalForm: tokens.join(' '),
    content,
    numbers,
    numberBits: numbers.reduce((bits, number) => bits | (1 << (hashKey(number) & 31)), 0),
    pairs: shinglesOf(words, 2),
    triples: shinglesOf(words, 3),
  };
}

/**
 * Maximum number of targets that may contain an indexed pair; more frequent pairs ("find the") carry no information.
 */
const maxPostings = 32;
/** Each target is indexed by this many of its rarest pairs, however frequent they are. */
const keptPairs = 4;

/** Builds the index of all problems in the evaluation sets. */
export async function indexEvaluationSets(sets: readonly EvaluationSet[]): Promise<EvaluationIndex> {
  const targets: Target[] = [];
  for (const { name, problems } of sets)
    for await (const { id, answer, prompt } of problems)
      targets.push({ set: name, id, gold: answer, ...comparedText({ prompt }) });
  const counts = new Map<number, number>();
  for (const { pairs } of targets) for (const pair of pairs) counts.set(pair, (counts.get(pair) ?? 0) + 1);
  const postings = postingsOf(targets, counts);
  return {
    byText: new Map(targets.map((target) => [target.normalForm, target])),
    candidates: ({ pairs }) => {
      const found = new Set<Target>();
      for (const pair of pairs) for (const target of postings.get(pair) ?? []) found.add(target);
      return found;
    },
    weightOf: (pair) => Math.log((targets.length + 1) / (counts.get(pair) ?? 1)),
  };
}

function postingsOf(targets: readonly Target[], counts: ReadonlyMap<number, number>): Map<number, Target[]> {
  const postings = new Map<number, Target[]>();
  for (const target of targets) {
    const rarest = [...target.pairs].toSorted((a, b) => counts.get(a)! - counts.get(b)!);
    for (const [rank, pair] of rarest.entries()) {
      if (rank >= keptPairs && counts.get(pair)! > maxPostings) break;
      const posting = postings.get(pair);
      if (posting === undefined) postings.set(pair, [target]);
      else posting.push(target);
    }
  }
  return postings;
}
