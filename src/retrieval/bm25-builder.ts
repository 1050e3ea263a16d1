import { DataError } from '../core/errors.ts';
import { splitWords, termOf } from './analyser.ts';
import type { Bm25Settings, Postings } from './bm25-index.ts';

/** Number of entries in one piece of a growing array. */
const pieceSize = 2 ** 20;
const mostPostings = 2 ** 32 - 1;
/** Maximum number of entries in a `Map` in V8. */
const mostTerms = 2 ** 24 - 1;
/** Maximum number of words in the cache of terms. */
const mostWords = 2 ** 22;

/**
 * Builds the postings of an index from documents in order. Uses 5 bytes of memory per posting while documents are
 * added, and 10 during `finish`.
 */
export class Bm25Builder {
  readonly #settings: Bm25Settings;
  /** Cache of term numbers by word; −1 for a stop word. */
  readonly #words = new Map<string, number>();
  readonly #numbers = new Map<string, number>();
  /** Number of documents that contain each term. */
  readonly #frequencies: number[] = [];
  readonly #lengths: number[] = [];
  /** Number of distinct terms in each document. */
  readonly #distinct: number[] = [];
  /** Number and count of each term of each document, in the order of the documents. */
  readonly #terms: Uint32Array[] = [];
  readonly #counts: Uint8Array[] = [];
  #postings = 0;

  constructor(settings: Bm25Settings) {
    this.#settings = settings;
  }

  /** Adds the next document. */
  add(content: string): void {
    const counts = new Map<number, number>();
    let length = 0;
    for (const word of splitWords(content, this.#settings.analyser)) {
      const number = this.#numberOf(word);
      if (number < 0) continue;
      counts.set(number, (counts.get(number) ?? 0) + 1);
      length++;
    }
    for (const [number, count] of counts) this.#push(number, Math.min(count, 255));
    this.#lengths.push(length);
    this.#distinct.push(counts.size);
  }

  /** Sorts the postings of all documents by term and returns them. */
  finish(): Postings {
    const starts = new Uint32Array(this.#frequencies.length + 1);
    for (const [number, frequency] of this.#frequencies.entries())
      starts[number + 1] = starts[number]! + frequency;
    const next = starts.slice();
    const documents = new Uint32Array(this.#postings);
    const counts = new Uint8Array(this.#postings);
    let from = 0;
    for (const [document, distinct] of this.#distinct.entries()) {
      for (const end = from + distinct; from < end; from++) {
        const [piece, place] = [Math.floor(from / pieceSize), from % pieceSize];
        const to = next[this.#terms[piece]![place]!]!++;
        documents[to] = document;
        counts[to] = this.#counts[piece]![place]!;
      }
    }
    return {
      terms: [...this.#numbers.keys()],
      starts,
      documents,
      counts,
      lengths: Uint32Array.from(this.#lengths),
    };
  }

  #push(number: number, count: number): void {
    if (this.#postings === mostPostings)
      throw new DataError(
        `expected at most ${mostPostings} postings in an index, got more; split the passages, or serve a larger index over HTTP`,
      );
    const [piece, place] = [Math.floor(this.#postings / pieceSize), this.#postings % pieceSize];
    if (place === 0) {
      this.#terms.push(new Uint32Array(pieceSize));
      this.#counts.push(new Uint8Array(pieceSize));
    }
    this.#terms[piece]![place] = number;
    this.#counts[piece]![place] = count;
    this.#frequencies[number]!++;
    this.#postings++;
  }

  #numberOf(word: string): number {
    const known = this.#words.get(word);
    if (known !== undefined) return known;
    const term = termOf(word, this.#settings.analyser);
    const number = term === undefined ? -1 : (this.#numbers.get(term) ?? this.#addTerm(term));
    if (this.#words.size === mostWords) this.#words.clear();
    this.#words.set(word, number);
    return number;
  }

  #addTerm(term: string): number {
    if (this.#numbers.size === mostTerms)
      throw new DataError(
        `expected at most ${mostTerms} distinct terms in an index, got more; use the analyser "english", or serve a larger index over HTTP`,
      );
    this.#numbers.set(term, this.#frequencies.length);
    return this.#frequencies.push(0) - 1;
  }
}
