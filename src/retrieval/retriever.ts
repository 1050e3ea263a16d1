import type { Passage } from './passage.ts';

/** A passage with its relevance to a query. Higher is better; scores are comparable only within one answer. */
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
  /** Changes whenever an answer could change, as far as can be detected; part of the key of recorded results. */
  readonly version: string;
  /**
   * Returns at most `top` passages, best first.
   * @throws DataError when the service is down or its answer is invalid.
   */
  search(query: string, top: number, signal?: AbortSignal): Promise<readonly Retrieved[]>;
}

/** A retriever that scores any passage; services score only those that they find. */
export interface ScoringRetriever extends Retriever {
  /** Scores passages for a query, on the scale of `search`. */
  scores(query: string, passages: readonly Passage[]): readonly number[];
}
