import type { Problem } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import { questionOf } from './golds.ts';
import { contentOf, numbersOf, tokensOf } from './normal-form.ts';
import { hashesOf, shinglesOf } from './shingles.ts';

/** A set of problems that must not be trained on. */
export interface EvaluationSet {
  readonly name: string;
  readonly problems: AsyncIterable<Problem> | Iterable<Problem>;
}

/** A text taken apart for comparing. */
export interface ComparedText {
  /** Equal for texts that differ only in spelling, spacing and mark-up. */
  readonly normalForm: string;
  readonly content: readonly string[];
  /** Sorted. */
  readonly numbers: readonly string[];
  /** A bit for each of the numbers, several sharing one: a bit that a text lacks is a number that it lacks. */
  readonly numberBits: number;
  /** Runs of two and of three tokens of the content, hashed, ascending. */
  readonly pairs: Uint32Array;
  readonly triples: Uint32Array;
}

/** An evaluation problem, ready to be looked for. */
export interface Target extends ComparedText {
  readonly set: string;
  readonly id: string;
  readonly gold: string | undefined;
}

/** All problems of the evaluation sets, by what may give them away. */
export interface EvaluationIndex {
  readonly byText: ReadonlyMap<string, Target>;
  /** Targets that share a telling pair of words with a text. */
  candidates(text: ComparedText): Set<Target>;
  /** How telling a pair is: ln((N + 1) / n) for one that n of N targets have. */
  weightOf(pair: number): number;
}

/** Takes a problem's text apart. */
export function comparedText(problem: Pick<Problem, 'prompt'>): ComparedText {
  const tokens = tokensOf(questionOf(problem));
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

/** Pairs of more targets than this ("find the") point at nothing. */
const maxPostings = 32;
/** Rarest pairs under which a target is found whatever their number. */
const keptPairs = 4;

/** Reads evaluation sets into an index. */
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
