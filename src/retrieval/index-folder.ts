import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type FileHandle, open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import { writeFolderAtomic } from '../storage/atomic.ts';
import { checkFile, type FileCheck, readArray, writeArray } from './array-file.ts';
import { Bm25Builder } from './bm25-builder.ts';
import { Bm25Index, bm25Settings, type Bm25Settings, type Postings } from './bm25-index.ts';
import { contentOf, type Passage } from './passage.ts';
import type { ScoringRetriever } from './retriever.ts';

/*
 * An index on disk is a folder:
 *
 *   index.json       format, version, settings, counts, and size and digest of each file below
 *   passages.jsonl   one passage per line; read by offset, never loaded completely
 *   offsets.f64      byte offset of each passage's line, and the end
 *   terms.txt        one term per line, in the order of their numbers
 *   starts.u32, documents.u32, counts.u8, lengths.u32   the arrays of `Postings`
 */

const format = 2;
const fileCheck = z.strictObject({ bytes: z.int().min(0), sha256: z.string() });
const files = {
  passages: 'passages.jsonl',
  offsets: 'offsets.f64',
  terms: 'terms.txt',
  starts: 'starts.u32',
  documents: 'documents.u32',
  counts: 'counts.u8',
  lengths: 'lengths.u32',
} as const;
type Part = keyof typeof files;

const manifestSchema = z.strictObject({
  format: z.literal(format),
  /** Digest of settings and passages, which determine the results. */
  version: z.string().min(1),
  settings: bm25Settings,
  passages: z.int().min(1),
  terms: z.int().min(0),
  postings: z.int().min(0),
  files: z.record(z.enum(Object.keys(files) as [Part, ...Part[]]), fileCheck),
});

/** Statistics of an index. */
export type IndexFacts = Omit<z.output<typeof manifestSchema>, 'format' | 'files'>;

/**
 * Builds an index of passages and saves it as a folder, atomically. Writes texts to disk as they arrive; memory use is
 * about 10 bytes for each distinct term in each passage.
 *
 * @throws DataError if the folder contains files other than an index, if two passages have the same id, or if there are
 * no passages.
 */
export async function buildIndexFolder(
  passages: AsyncIterable<Passage> | Iterable<Passage>,
  folder: string,
  settings: Bm25Settings,
  signal?: AbortSignal,
): Promise<IndexFacts> {
  await requireReplaceable(folder);
  let facts: IndexFacts | undefined;
  await writeFolderAtomic(folder, async (draft) => {
    const builder = new Bm25Builder(settings);
    const path = (part: Part): string => join(draft, files[part]);
    const ids = new Set<string>();
    await using writer = await openPassageWriter(path('passages'));
    for await (const passage of passages) {
      signal?.throwIfAborted();
      if (ids.has(passage.id))
        throw new DataError(
          `passage ${ids.size + 1}: expected a unique id, got ${JSON.stringify(passage.id)} again`,
        );
      ids.add(passage.id);
      builder.add(contentOf(passage));
      await writer.add(passage);
    }
    if (ids.size === 0) throw new DataError('expected at least one passage to index, got none');
    const { check, offsets } = await writer.finish();
    const postings = builder.finish();
    const checks: Record<Part, FileCheck> = {
      passages: check,
      offsets: await writeArray(path('offsets'), offsets),
      terms: await writeArray(path('terms'), Buffer.from(postings.terms.join('\n'))),
      starts: await writeArray(path('starts'), postings.starts),
      documents: await writeArray(path('documents'), postings.documents),
      counts: await writeArray(path('counts'), postings.counts),
      lengths: await writeArray(path('lengths'), postings.lengths),
    };
    facts = {
      version: versionOf(settings, check.sha256),
      settings,
      passages: ids.size,
      terms: postings.terms.length,
      postings: postings.documents.length,
    };
    const manifest = { format, ...facts, files: checks };
    await writeFile(join(draft, 'index.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  });
  return facts!;
}

const ownFiles: ReadonlySet<string> = new Set(['index.json', ...Object.values(files)]);

/** Rejects a folder that contains files other than an index, because building replaces the entire folder. */
async function requireReplaceable(folder: string): Promise<void> {
  const held = await readdir(folder).catch((cause: NodeJS.ErrnoException): string[] => {
    if (cause.code === 'ENOENT') return [];
    throw new DataError(`${folder}: expected a folder for the index, got ${cause.message}`, { cause });
  });
  // A folder with only passages.jsonl may be the user's corpus.
  const other = held.includes('index.json') ? held.find((name) => !ownFiles.has(name)) : held[0];
  if (other === undefined) return;
  throw new DataError(
    `${folder}: expected a new or empty folder, or one with an index alone, found ${JSON.stringify(other)} in it; nothing was changed`,
    { tryNext: `gradus knowledge build … --out ${join(folder, 'index')}` },
  );
}

/** Returns the version of an index: the digest of everything that determines a result. */
const versionOf = ({ analyser, k1, b }: Bm25Settings, passagesDigest: string): string =>
  createHash('sha256')
    .update(JSON.stringify([format, analyser, k1, b, passagesDigest]))
    .digest('hex')
    .slice(0, 16);

/** Collects lines and writes them in large pieces. */
async function openPassageWriter(path: string) {
  const file = await open(path, 'w');
  const hash = createHash('sha256');
  const offsets: number[] = [0];
  let lines: string[] = [];
  let waiting = 0;
  const flush = async (): Promise<void> => {
    const piece = Buffer.from(lines.join(''));
    hash.update(piece);
    await file.writeFile(piece);
    [lines, waiting] = [[], 0];
  };
  return {
    async add({ id, title, text }: Passage): Promise<void> {
      const line = `${JSON.stringify({ id, ...(title !== undefined && { title }), text })}\n`;
      const bytes = Buffer.byteLength(line);
      offsets.push(offsets.at(-1)! + bytes);
      lines.push(line);
      waiting += bytes;
      if (waiting >= 2 ** 22) await flush();
    },
    async finish() {
      await flush();
      const check = { bytes: offsets.at(-1)!, sha256: hash.digest('hex') };
      return { check, offsets: Float64Array.from(offsets) };
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/**
 * Opens an index that `buildIndexFolder` saved, as a retriever; the caller must dispose of it. Reads and checks all
 * files once; keeps the arrays (about 5 bytes for each distinct term in each passage) and the terms in memory, but not
 * the texts.
 *
 * @throws DataError if the folder contains no index or a damaged one.
 */
export async function openIndexFolder(
  folder: string,
): Promise<ScoringRetriever & { readonly facts: IndexFacts }> {
  const { files: checks, format: _format, ...facts } = readManifest(folder);
  const path = (part: Part): string => join(folder, files[part]);
  const read = (part: Part): Promise<ArrayBuffer> => readArray(path(part), checks[part]);
  await checkFile(path('passages'), checks.passages);
  const offsets = new Float64Array(await read('offsets'));
  const postings: Postings = {
    terms:
      facts.terms === 0
        ? []
        : Buffer.from(await read('terms'))
            .toString()
            .split('\n'),
    starts: new Uint32Array(await read('starts')),
    documents: new Uint32Array(await read('documents')),
    counts: new Uint8Array(await read('counts')),
    lengths: new Uint32Array(await read('lengths')),
  };
  const index = new Bm25Index(postings, facts.settings);
  const texts = await open(path('passages'), 'r');
  return {
    facts,
    version: retrieverVersion(facts),
    search: (query, top) =>
      Promise.all(
        index.search(query, top).map(async ({ document, score }) => {
          const passage = await readPassageAt(texts, offsets[document]!, offsets[document + 1]!);
          return { ...passage, score };
        }),
      ),
    scores: (query, passages) => passages.map((passage) => index.scoreText(query, contentOf(passage))),
    [Symbol.asyncDispose]: () => texts.close(),
  };
}

/** Returns the version of a folder's retriever, using only its `index.json`. @throws DataError as `openIndexFolder`. */
export const readIndexVersion = (folder: string): string => retrieverVersion(readManifest(folder));

const retrieverVersion = ({ version }: Pick<IndexFacts, 'version'>): string => `bm25-${version}`;

function readManifest(folder: string): z.output<typeof manifestSchema> {
  const path = join(folder, 'index.json');
  const advice = { tryNext: 'gradus knowledge build --help' };
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const got = (cause as Error).message;
    throw new DataError(`${folder}: expected the folder of an index with an index.json, got ${got}`, {
      cause,
      ...advice,
    });
  }
  const parsed = manifestSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new DataError(
    `${path}: expected an index of format ${format}, got "${issue!.path.join('.')}": ${issue!.message}; build it again`,
    advice,
  );
}

async function readPassageAt(texts: FileHandle, start: number, end: number): Promise<Passage> {
  const line = Buffer.alloc(end - start);
  await texts.read(line, 0, line.length, start);
  return JSON.parse(line.toString()) as Passage;
}
