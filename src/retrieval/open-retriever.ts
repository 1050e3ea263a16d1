import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { DataError } from '../core/errors.ts';
import { Bm25Builder } from './bm25-builder.ts';
import { Bm25Index, bm25Settings, type Bm25Settings } from './bm25-index.ts';
import { httpRetrieverConfig, openHttpRetriever } from './http-retriever.ts';
import { openIndexFolder, readIndexVersion } from './index-folder.ts';
import { contentOf, type Passage, readPassages } from './passage.ts';
import type { Retriever } from './retriever.ts';

/** BM25 over passages that fit into memory; they are indexed at the first query. */
const bm25Config = bm25Settings.extend({
  type: z.literal('bm25'),
  /** Files of passages, relative to the recipe. */
  passages: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
});

/** BM25 over an index that `gradus knowledge build` wrote, with the settings stored in the index. */
const bm25IndexConfig = z.strictObject({
  type: z.literal('bm25-index'),
  /** Folder of the index, relative to the recipe. */
  path: z.string().min(1),
});

/** The retrievers that a search environment can use. */
export const retrieverConfig = z.discriminatedUnion('type', [
  bm25Config,
  bm25IndexConfig,
  httpRetrieverConfig,
]);
export type RetrieverConfig = z.output<typeof retrieverConfig>;

/** Creates the recipe entry for BM25 over files of passages. */
export const bm25 = noun(bm25Config);

/** Creates the recipe entry for BM25 over an index on disk. */
export const bm25Index = noun(bm25IndexConfig);

/**
 * Opens the retriever of a config; the caller must dispose of it. It indexes the files, or loads the index, at the
 * first query.
 *
 * @param baseDir folder against which relative paths are resolved.
 * @throws DataError if a file is missing, or if the folder contains no index.
 */
export function openRetriever(config: RetrieverConfig, baseDir = '.'): Retriever {
  switch (config.type) {
    case 'bm25': {
      const { type: _type, passages, ...settings } = config;
      const files = [passages].flat().map((file) => resolve(baseDir, file));
      return openLater(versionOfFiles(files, settings), () => indexInMemory(files, settings));
    }
    case 'bm25-index': {
      const folder = resolve(baseDir, config.path);
      return openLater(readIndexVersion(folder), () => openIndexFolder(folder));
    }
    case 'http-retriever':
      return openHttpRetriever(config);
  }
}

/** Opens a retriever at its first query; if opening fails, the next query tries again. */
function openLater(version: string, open: () => Promise<Retriever>): Retriever {
  let opening: Promise<Retriever> | undefined;
  const openOnce = async (): Promise<Retriever> => {
    const retriever = await open();
    if (retriever.version === version) return retriever;
    await retriever[Symbol.asyncDispose]();
    throw new DataError(
      `expected the index of version ${version}, got ${retriever.version}; it changed after its version was read`,
      {
        code: 'DATA_CHANGED',
      },
    );
  };
  return {
    version,
    async search(query, top, signal) {
      opening ??= openOnce().catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
      const retriever = await opening;
      return retriever.search(query, top, signal);
    },
    async [Symbol.asyncDispose]() {
      const retriever = await opening?.catch(() => undefined);
      await retriever?.[Symbol.asyncDispose]();
    },
  };
}

/** Reads and indexes passages, and keeps their texts in memory. */
async function indexInMemory(files: readonly string[], settings: Bm25Settings): Promise<Retriever> {
  const builder = new Bm25Builder(settings);
  const passages: Passage[] = [];
  for await (const passage of readPassages(files)) {
    builder.add(contentOf(passage));
    passages.push(passage);
  }
  const index = new Bm25Index(builder.finish(), settings);
  return {
    version: versionOfFiles(files, settings),
    search: async (query, top) =>
      index.search(query, top).map(({ document, score }) => ({ ...passages[document]!, score })),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Returns the version of a retriever over files: the digest of everything that determines a result. @throws DataError
 * for a file that cannot be read.
 */
function versionOfFiles(files: readonly string[], { analyser, k1, b }: Bm25Settings): string {
  const hash = createHash('sha256').update(JSON.stringify([analyser, k1, b]));
  for (const file of files) {
    try {
      hash.update('\0').update(readFileSync(file));
    } catch (cause) {
      throw new DataError(`${file}: expected a file of passages, got ${(cause as Error).message}`, {
        cause,
        tryNext: `ls -l ${file}`,
      });
    }
  }
  return `bm25-${hash.digest('hex').slice(0, 16)}`;
}
