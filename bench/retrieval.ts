/**
 * Measures search over passages: `npm run bench:retrieval [-- --sections peers,scale --passages 200000 --scale 1000000]`.
 *
 * `peers`: compares BM25 in memory with SQLite's FTS5, with interleaved queries in one process. `scale`: measures an
 * index on disk: build rate, memory, and the time of a query that also returns the texts. Passages are generated: 100
 * words each, drawn by Zipf's law. A query is 6 (a question) or 120 (a worked solution) words of a passage. The last
 * line is JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { createRng, type Rng } from '../src/core/rng.ts';
import { Bm25Builder } from '../src/retrieval/bm25-builder.ts';
import { Bm25Index, bm25Settings } from '../src/retrieval/bm25-index.ts';
import { buildIndexFolder, openIndexFolder } from '../src/retrieval/index-folder.ts';
import type { Passage } from '../src/retrieval/passage.ts';
import { fileSizes } from '../src/storage/atomic.ts';

const { values: flags } = parseArgs({
  options: {
    sections: { type: 'string', default: 'peers,scale' },
    passages: { type: 'string', default: '200000' },
    scale: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
  },
});

const settings = bm25Settings.parse({});
const top = 3;
/** Time limit of a slow peer, which answers as many queries as fit into it. */
const peerBudgetMs = 60_000;
const vocabulary = 500_000;

/** Draws a word by rank. The probability of rank r is about 1 / (r · ln vocabulary). */
function word(rng: Rng): string {
  const rank = Math.floor(Math.exp(rng.next() * Math.log(vocabulary)));
  return `w${rank.toString(36)}`;
}

function textOf(i: number): string {
  const rng = createRng(Number(flags.seed), 'passage', i);
  return Array.from({ length: 100 }, () => word(rng)).join(' ');
}

/** Draws queries, each made of words from one passage. */
function queriesOf(passages: number, count: number, words: number): string[] {
  const rng = createRng(Number(flags.seed), 'queries', words);
  return Array.from({ length: count }, () => {
    const held = textOf(rng.integer(0, passages - 1)).split(' ');
    return Array.from({ length: words }, () => rng.pick(held)).join(' ');
  });
}

/** Returns the median and the 95 % quantile in milliseconds. */
function summarise(times: readonly number[]) {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return { queries: times.length, medianMs: at(0.5), p95Ms: at(0.95) };
}

function timed(action: () => unknown): number {
  const begun = performance.now();
  action();
  return performance.now() - begun;
}

async function timedAsync(action: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await action();
  return performance.now() - begun;
}

const residentMb = (): number => Math.round(process.memoryUsage().rss / 1e6);

function peers(passages: number) {
  const texts = Array.from({ length: passages }, (_, i) => textOf(i));
  let index: Bm25Index;
  const ownSeconds =
    timed(() => {
      const builder = new Bm25Builder(settings);
      for (const text of texts) builder.add(text);
      index = new Bm25Index(builder.finish(), settings);
    }) / 1000;
  using database = new DatabaseSync(':memory:');
  const sqliteSeconds =
    timed(() => {
      database.exec('CREATE VIRTUAL TABLE passages USING fts5(text); BEGIN');
      const insert = database.prepare('INSERT INTO passages VALUES (?)');
      for (const text of texts) insert.run(text);
      database.exec('COMMIT');
    }) / 1000;
  const select = database.prepare(
    'SELECT rowid FROM passages WHERE passages MATCH ? ORDER BY bm25(passages) LIMIT ?',
  );
  const builds = [
    { name: 'own', seconds: ownSeconds },
    { name: 'fts5', seconds: sqliteSeconds },
  ];
  for (const { name, seconds } of builds) console.log(`${name.padEnd(5)} build ${seconds.toFixed(1)} s`);
  const queries = [6, 120].map((words) => {
    const [own, sqlite]: [number[], number[]] = [[], []];
    let left = peerBudgetMs;
    for (const query of queriesOf(passages, 200, words)) {
      own.push(timed(() => index.search(query, top)));
      if (left <= 0) continue;
      sqlite.push(timed(() => select.all(query.replaceAll(' ', ' OR '), top)));
      left -= sqlite.at(-1)!;
    }
    const result = { words, own: summarise(own), fts5: summarise(sqlite) };
    for (const name of ['own', 'fts5'] as const) printQueries(name, words, result[name]);
    return result;
  });
  return { passages, builds, queries };
}

function printQueries(
  name: string,
  words: number,
  { queries, medianMs, p95Ms }: ReturnType<typeof summarise>,
): void {
  console.log(
    `${name.padEnd(5)} query of ${words} words: median ${medianMs.toFixed(2)} ms, p95 ${p95Ms.toFixed(2)} ms (${queries} queries)`,
  );
}

function* generated(passages: number): Generator<Passage> {
  for (let i = 0; i < passages; i++) yield { id: String(i), text: textOf(i) };
}

async function scale(passages: number) {
  const folder = mkdtempSync(join(tmpdir(), 'gradus-bench-'));
  try {
    const kb = join(folder, 'kb');
    const generatingSeconds =
      timed(() => {
        for (const _ of generated(passages));
      }) / 1000;
    const buildSeconds = (await timedAsync(() => buildIndexFolder(generated(passages), kb, settings))) / 1000;
    const builtMb = Math.round(process.resourceUsage().maxRSS / 1e3);
    const diskMb = Math.round(
      Object.values(await fileSizes(kb)).reduce((sum, bytes) => sum + bytes, 0) / 1e6,
    );
    global.gc?.();
    const before = residentMb();
    const begun = performance.now();
    await using retriever = await openIndexFolder(kb);
    const openSeconds = (performance.now() - begun) / 1000;
    global.gc?.();
    const openMb = residentMb() - before;
    const rate = Math.round(passages / (buildSeconds - generatingSeconds));
    console.log(
      `${passages} passages: built in ${buildSeconds.toFixed(1)} s, ${generatingSeconds.toFixed(1)} s of it to generate them ` +
        `(${rate} passages/s), at most ${builtMb} MB resident; ${diskMb} MB on disk; opened in ${openSeconds.toFixed(1)} s, ${openMb} MB more`,
    );
    const queries = [];
    for (const words of [6, 120]) {
      const times: number[] = [];
      for (const query of queriesOf(passages, 300, words))
        times.push(await timedAsync(() => retriever.search(query, top)));
      queries.push({ words, ...summarise(times) });
      printQueries('own', words, summarise(times));
    }
    return { passages, buildSeconds, generatingSeconds, builtMb, diskMb, openSeconds, openMb, queries };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const sections = flags.sections.split(',');
// Run this first, because it reports the largest memory of the process.
const large = sections.includes('scale') ? await scale(Number(flags.scale)) : undefined;
const result = {
  ...(large !== undefined && { scale: large }),
  ...(sections.includes('peers') && { peers: peers(Number(flags.passages)) }),
};
console.log(JSON.stringify(result));
