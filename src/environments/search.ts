import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { hashKey } from '../core/rng.ts';
import { searchTagNames, searchTags } from '../core/search-tags.ts';
import { openRetriever, retrieverConfig } from '../retrieval/open-retriever.ts';
import type { Retrieved } from '../retrieval/retriever.ts';
import { layouts, type PassageLayout, writePassages } from '../retrieval/write-passages.ts';
import { type CallFormat, callFormatConfig, tags } from './call-format.ts';
import type { Environment } from './environment.ts';
import type { Tool } from './tool.ts';
import { toolEnvironment, toolLimits } from './tool-environment.ts';

/** Settings of search as a tool: the policy writes queries and reads the passages that match best. */
export const searchConfig = z.strictObject({
  type: z.literal('search'),
  retriever: retrieverConfig,
  ...toolLimits,
  /**
   * Format of queries and passages: the tags of R1-Searcher or Search-R1, other `tags()`, or the chat template's
   * format.
   */
  format: z.union([z.enum(searchTagNames), callFormatConfig]).default('search-r1'),
  /** Number of passages returned for a query. */
  top: z.int().min(1).default(3),
  /** Default: `numbered` with R1-Searcher's tags, `titled` with Search-R1's, else `plain`. */
  layout: z.enum(layouts).optional(),
});

/**
 * Configures search as a tool, by default called with `<search>capital of Peru</search>` inside the policy's turn.
 *
 * @example
 * environments: { 'short-answer': search({ retriever: bm25Index({ path: 'kb' }), format: 'r1-searcher', top: 3 }) }
 */
export const search = noun(searchConfig);

/** Opens search as a tool. The retriever's files are read at the first query. */
export function openSearch(settings: z.output<typeof searchConfig>, baseDir: string): Environment {
  const { format, top } = settings;
  const layout = settings.layout ?? layoutOf(format);
  const retriever = openRetriever(settings.retriever, baseDir);
  const tool: Tool = {
    version: `${retriever.version}-${hashKey(1, top, layout).toString(36)}`,
    schema: {
      name: 'search',
      description: 'Searches for passages and returns those that fit the query best.',
      parameters: { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] },
    },
    textArgument: 'query',
    call: async ({ query }, signal) => {
      if (typeof query !== 'string' || query.trim() === '')
        return { outcome: 'failed', text: 'Error: expected "query" to be a string.' };
      const found = await retriever.search(query, top, signal);
      return { outcome: 'ok', text: writePassages(found, layout), sources: found.map(sourceOf) };
    },
  };
  const limits = { ...settings, format: callFormatOf(format) };
  return toolEnvironment('search', [tool], limits, () => retriever[Symbol.asyncDispose]());
}

type Format = z.output<typeof searchConfig>['format'];

function layoutOf(format: Format): PassageLayout {
  if (format === 'r1-searcher') return 'numbered';
  return format === 'search-r1' ? 'titled' : 'plain';
}

/** Returns the call format, with the same white space around the passages as in the published systems. */
function callFormatOf(format: Format): CallFormat {
  if (typeof format !== 'string') return format;
  const { query, passages } = searchTags[format];
  const inner = format === 'r1-searcher' ? '\n' : '';
  return callFormatConfig.parse(
    tags({ call: [...query], result: [`\n\n${passages[0]}${inner}`, `${passages[1]}\n\n`] }),
  );
}

const sourceOf = ({ id, title }: Retrieved): string => (title === undefined ? id : `${title} (${id})`);
