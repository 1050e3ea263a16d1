/**
 * Measures how much passages, rationales and a reranker help a tiny student:
 *
 *   npm run bench:kard -- [--seeds 5] [--first 1] [--results seeds.jsonl] [--json]
 *
 * Questions ask for attributes of made-up things, in words other than those of the passages. The student trains on 200
 * things; 60 others are held out. Each has six questions; 1 % of random answers are right. A scripted teacher, wrong in
 * 30 % of its answers, explains the training questions, and a verifier keeps the correct explanations. `fine-tuning`
 * learns answers, `distillation` rationales with answers, both without passages. KARD's student learns rationales from
 * the passages that they find. It is measured with four kinds of passage: the one that BM25 finds by the question, the
 * reranker's, the one that the rationale finds (oracle), and another question's (shuffled). The order of these arms
 * follows from how the data are built; how far the reranker closes the gap does not.
 *
 * Accuracies are sampled at temperature 1; intervals are 95 % t-intervals over seeds, each with a different world. With
 * `--json` the last line is JSON. `--results` keeps the figures of finished seeds, so that a stopped bench continues; with
 * `--first`, several processes share the seeds.
 */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeWorld } from '../../scripts/kard/world.ts';
import { bm25Settings } from '../../src/retrieval/bm25-index.ts';
import { buildIndexFolder, openIndexFolder } from '../../src/retrieval/index-folder.ts';
import { tInterval } from '../../src/statistics/intervals.ts';
import { shortAnswer } from '../../src/verifiers/answers/short-answer.ts';
import { openVerifier, verifierConfig } from '../../src/verifiers/config.ts';
import { teach, withKnowledge, withoutKnowledge } from './arms.ts';

const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    first: { type: 'string', default: '1' },
    results: { type: 'string' },
    model: { type: 'string', default: 'models/gradus-search' },
    json: { type: 'boolean', default: false },
  },
});

/** Results of a seed by name, in percent. */
type Figures = Readonly<Record<string, number>>;

async function runSeed(seed: number): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'gradus-kard-'));
  await using opened = new AsyncDisposableStack();
  opened.defer(() => rmSync(folder, { recursive: true }));
  const world = makeWorld(seed, { train: 200, heldOut: 60 });
  const index = join(folder, 'kb');
  await buildIndexFolder(world.passages, index, bm25Settings.parse({}));
  const data = {
    model: flags.model,
    seed,
    world,
    retriever: opened.use(await openIndexFolder(index)),
    verifier: opened.use(openVerifier(verifierConfig.parse(shortAnswer()))),
  };
  const lessons = await teach(data);
  const [finetuned, distilled] = [
    await withoutKnowledge(data, lessons, 'answers'),
    await withoutKnowledge(data, lessons, 'rationales'),
  ];
  const { conditions, hits } = await withKnowledge(data, lessons);
  const accuracy = Object.fromEntries(
    conditions.map(({ condition, accuracy: estimate }) => [condition, 100 * estimate!.mean]),
  );
  const { retriever: bm25, reranker } = hits!;
  return {
    'fine-tuning': finetuned,
    'distillation without knowledge': distilled,
    'KARD, BM25': accuracy['retriever']!,
    'KARD, reranker': accuracy['reranker']!,
    'KARD, oracle': accuracy['oracle']!,
    'KARD, shuffled passages': accuracy['shuffled']!,
    'KARD, no passage': accuracy['none']!,
    'reranker − BM25': accuracy['reranker']! - accuracy['retriever']!,
    'oracle − reranker': accuracy['oracle']! - accuracy['reranker']!,
    "passage of the rationale first, BM25's": 100 * bm25!.at1.mean,
    "passage of the rationale first, reranker's": 100 * reranker!.at1.mean,
  };
}

/** Returns the results of a seed, read from `--results` if it contains them, else measured. */
async function figuresOf(seed: number): Promise<Figures> {
  const { results: file } = flags;
  const lines = file !== undefined && existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  const known = lines
    .map((line) => JSON.parse(line) as { readonly seed: number; readonly figures: Figures })
    .find((line) => line.seed === seed);
  if (known !== undefined) return known.figures;
  const figures = await runSeed(seed);
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ seed, figures })}\n`);
  return figures;
}

const results: Figures[] = [];
for (let seed = Number(flags.first), i = 0; i < Number(flags.seeds); seed++, i++) {
  const begun = performance.now();
  const figures = await figuresOf(seed);
  results.push(figures);
  const shown = Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(1)}`);
  const { user, system } = process.cpuUsage();
  console.log(
    `seed ${seed}: ${shown.join('; ')}; ${((performance.now() - begun) / 1000).toFixed(0)} s, ` +
      `${((user + system) / 1e6).toFixed(0)} s of processor time in all`,
  );
}

const rows = Object.keys(results[0]!).map((name) => {
  const values = results.map((figures) => figures[name]!);
  if (values.length === 1) return `| ${name} | ${values[0]!.toFixed(1)} |`;
  const { mean, low, high } = tInterval(values);
  return `| ${name} | ${mean.toFixed(1)} [${low.toFixed(1)}, ${high.toFixed(1)}] |`;
});
console.log(['', '| held-out things | in % |', '|---|---|', ...rows].join('\n'));
if (flags.json) console.log(JSON.stringify(results));
