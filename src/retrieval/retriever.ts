import type { Passage } from './passage.ts';

/** A passage with its relevance for a query; higher is better, comparable within one answer only. */
export interface Retrieved extends Passage {
  readonly score: number;
}

/**
 * Finds the passages that fit a query best.
 *
 * @example
 * await using retriever = await openIndexFolder('kb');
 * const [best] = await retriever.search('capital of Peru', 3);
 */
export interface Retriever extends AsyncDisposable {
  /** Changes whenever an answer could change, as far as it is known: key of cached results. */
  readonly version: string;
  /**
   * Returns at most `top` passages, best first.
   * @throws RetrieverError when no answer can be had: the service is down or answers something else.
   */
  search(query: string, top: number, signal?: AbortSignal): Promise<readonly Retrieved[]>;
}
