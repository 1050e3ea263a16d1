/** Opening and closing tags of a search query and of the passages that answer it. */
export interface SearchTags {
  readonly query: readonly [open: string, close: string];
  readonly passages: readonly [open: string, close: string];
}

/** The tags of published systems. */
export const searchTags = {
  /** R1-Searcher (arXiv 2503.05592). */
  'r1-searcher': {
    query: ['<|begin_of_query|>', '<|end_of_query|>'],
    passages: ['<|begin_of_documents|>', '<|end_of_documents|>'],
  },
  /** Search-R1 (arXiv 2503.09516). */
  'search-r1': { query: ['<search>', '</search>'], passages: ['<information>', '</information>'] },
} as const satisfies Readonly<Record<string, SearchTags>>;

/** Names of `searchTags`. */
export const searchTagNames = Object.keys(searchTags) as (keyof typeof searchTags)[];
