import type { Passage } from './passage.ts';

/** A passage with its relevance to a query. Higher scores are better; scores are comparable only within one answer. */
export interface Retrieved extends Passage {
  readonly score: number;
}

/**
 * Finds the passages that match a query best.
 *
 * @example
 * await using retriever = await openIndexFolder('kb');
 * const [best] = await retriever.search('capital of Peru', 3);
 */
export interface Retriever extends AsyncDisposable {
  /**
   * Identifies everything that determines an answer, as far as can be detected. Part of the key of recorded results.
   */
  readonly version: string;
  /**
   * Returns at most `top` passages, best first.
   * @throws DataError if the service is unavailable or its answer is invalid.
   */
  search(query: string, top: number, signal?: AbortSignal): Promise<readonly Retrieved[]>;
}

/** A retriever that can score any passage; a service scores only the passages that it finds. */
export interface ScoringRetriever extends Retriever {
  /** Scores passages for a query, on the scale of `search`. */
  scores(query: string, passages: readonly Passage[]): readonly number[];
}
