import * as z from 'zod';
import { analysers, splitWords, termOf } from './analyser.ts';

/** Settings of an index; all of them are part of its version. */
export const bm25Settings = z.strictObject({
  analyser: z.enum(analysers).default('standard'),
  /** How slowly repeats of a term saturate; 0: repeats do not count. */
  k1: z.number().nonnegative().default(0.9),
  /** Strength of the normalisation by document length, from 0 (none) to 1 (full). */
  b: z.number().min(0).max(1).default(0.4),
});
export type Bm25Settings = z.output<typeof bm25Settings>;

/** An inverted index as flat arrays. Term t has the postings `starts[t]` to `starts[t + 1]`. */
export interface Postings {
  /** Terms in the order of their numbers. */
  readonly terms: readonly string[];
  /** Length: number of terms + 1. */
  readonly starts: Uint32Array;
  /** Document of each posting; ascending within a term. */
  readonly documents: Uint32Array;
  /** Number of occurrences of the term in the document, capped at 255. */
  readonly counts: Uint8Array;
  /** Number of terms in each document, repeats included. */
  readonly lengths: Uint32Array;
}

/** A document and its score. */
export interface Hit {
  readonly document: number;
  readonly score: number;
}

/** A term of a query with its postings. */
interface QueryTerm {
  readonly number: number;
  readonly start: number;
  readonly end: number;
  /** Occurrences in the query × inverse document frequency: an upper bound on the term's contribution to any score. */
  readonly weight: number;
}

/** A lookup costs about as much as reading this many postings in order. */
const lookupCost = 16;

/**
 * Ranks documents by BM25 in Lucene's form (Kamphuis et al., ECIR 2020, "Lucene (accurate)"):
 *
 *     score(q, d) = Σ_t ln(1 + (N − df_t + ½) / (df_t + ½)) · tf / (tf + k1 · (1 − b + b · length_d / mean length))
 *
 * Exact: the pruning below skips only documents that cannot be among the best.
 */
export class Bm25Index {
  readonly #settings: Bm25Settings;
  readonly #postings: Postings;
  readonly #numbers: ReadonlyMap<string, number>;
  /** Mean number of terms in a document, repeats included. */
  readonly #meanLength: number;
  /** k1 · (1 − b + b · length / mean length) of each document. */
  readonly #norms: Float32Array;
  /** Scores for the current query; 0 between queries. */
  readonly #scores: Float64Array;

  constructor(postings: Postings, settings: Bm25Settings) {
    this.#postings = postings;
    this.#settings = settings;
    this.#numbers = new Map(postings.terms.map((term, number) => [term, number]));
    const { lengths } = postings;
    this.#meanLength = lengths.reduce((sum, length) => sum + length, 0) / lengths.length || 1;
    this.#norms = Float32Array.from(lengths, (length) => this.#normOf(length));
    this.#scores = new Float64Array(lengths.length);
  }

  /**
   * Returns the `top` best documents with a score above 0, best first; documents with equal scores are in document
   * order.
   */
  search(query: string, top: number): Hit[] {
    const terms = this.#termsOf(query);
    let documents: number[] = [];
    let rest = terms.reduce((sum, { weight }) => sum + weight, 0);
    for (const term of terms) {
      // Pruning costs about as much as reading `documents` once, so it pays off only for a longer list of postings.
      const isLong = term.end - term.start > documents.length;
      const least = isLong ? (this.#best(documents, top).at(top - 1)?.score ?? 0) : 0;
      // The most that the remaining terms can add to a score, plus a margin for rounding.
      const reach = rest * (1 + 1e-9);
      if (least > reach) documents = documents.filter((one) => this.#keepIf(one, least - reach));
      const isSettled = least > reach && documents.length * lookupCost < term.end - term.start;
      if (isSettled) this.#lookUp(term, documents);
      else this.#scan(term, documents);
      rest -= term.weight;
    }
    const best = this.#best(documents, top);
    for (const document of documents) this.#scores[document] = 0;
    return best;
  }

  /** Returns the score that `search` would give a document with this text. */
  scoreText(query: string, text: string): number {
    const counts = new Map<number, number>();
    let length = 0;
    for (const word of splitWords(text, this.#settings.analyser)) {
      const term = termOf(word, this.#settings.analyser);
      if (term === undefined) continue;
      length++;
      const number = this.#numbers.get(term);
      if (number !== undefined) counts.set(number, Math.min((counts.get(number) ?? 0) + 1, 255));
    }
    const norm = this.#normOf(length);
    return this.#termsOf(query).reduce((score, { number, weight }) => {
      const count = counts.get(number) ?? 0;
      return score + (weight * count) / (count + norm || 1);
    }, 0);
  }

  /** Returns k1 · (1 − b + b · length / mean length). */
  #normOf(length: number): number {
    const { k1, b } = this.#settings;
    return Math.fround(k1 * (1 - b + (b * length) / this.#meanLength));
  }

  /** Returns the distinct known terms of a query, the rarest first. */
  #termsOf(query: string): QueryTerm[] {
    const { starts, lengths } = this.#postings;
    const repeats = new Map<number, number>();
    for (const word of splitWords(query, this.#settings.analyser)) {
      const number = this.#numbers.get(termOf(word, this.#settings.analyser) ?? '');
      if (number !== undefined) repeats.set(number, (repeats.get(number) ?? 0) + 1);
    }
    const numbers = [...repeats].toSorted(([a], [b]) => a - b);
    const terms = numbers.map(([number, count]) => {
      const [start, end] = [starts[number]!, starts[number + 1]!];
      const frequency = end - start;
      const rarity = Math.log(1 + (lengths.length - frequency + 0.5) / (frequency + 0.5));
      return { number, start, end, weight: count * rarity };
    });
    return terms.toSorted((a, b) => a.end - a.start - (b.end - b.start));
  }

  /**
   * Adds a term's contribution to the score of each document that contains it; appends each document that had no score
   * yet to `documents`.
   */
  #scan({ start, end, weight }: QueryTerm, documents: number[]): void {
    const { documents: postings, counts } = this.#postings;
    const [scores, norms] = [this.#scores, this.#norms];
    for (let at = start; at < end; at++) {
      const document = postings[at]!;
      const count = counts[at]!;
      const score = scores[document]!;
      if (score === 0) documents.push(document);
      scores[document] = score + (weight * count) / (count + norms[document]!);
    }
  }

  /** Adds a term's contribution to the scores of the given documents only. */
  #lookUp({ start, end, weight }: QueryTerm, documents: readonly number[]): void {
    const { documents: postings, counts } = this.#postings;
    for (const document of documents) {
      let [low, high] = [start, end];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (postings[middle]! < document) low = middle + 1;
        else high = middle;
      }
      if (low === end || postings[low] !== document) continue;
      this.#scores[document]! += (weight * counts[low]!) / (counts[low]! + this.#norms[document]!);
    }
  }

  /** Returns whether a document's score is at least `score`; if not, resets the document's score to 0. */
  #keepIf(document: number, score: number): boolean {
    const isKept = this.#scores[document]! >= score;
    if (!isKept) this.#scores[document] = 0;
    return isKept;
  }

  #best(documents: readonly number[], top: number): Hit[] {
    const best: Hit[] = [];
    // The lowest score in the list, once it is full.
    let least = 0;
    for (const document of documents) {
      const score = this.#scores[document]!;
      if (score < least) continue;
      let place = best.length;
      while (place > 0 && isBefore(score, document, best[place - 1]!)) place--;
      best.splice(place, 0, { document, score });
      if (best.length > top) best.pop();
      if (best.length === top) least = best[top - 1]!.score;
    }
    return best;
  }
}

const isBefore = (score: number, document: number, than: Hit): boolean =>
  score > than.score || (score === than.score && document < than.document);
