/**
 * Writes the passages, rationales, examples and problems of `recipes/kard`: a world of 100 things to train on and 20 held out.
 *
 *   node scripts/make-kard-recipe.ts
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addContext } from '../src/knowledge/context-file.ts';
import { problemLine } from '../src/problems/output/problem-line.ts';
import { bm25Settings } from '../src/retrieval/bm25-index.ts';
import { buildIndexFolder, openIndexFolder } from '../src/retrieval/index-folder.ts';
import { writeFileAtomic } from '../src/storage/atomic.ts';
import { contextTemplate, type Fact, makeWorld, problemOf, statementOf } from './kard/world.ts';

const folder = 'recipes/kard';
const file = (name: string): string => `${folder}/${name}.jsonl`;
const write = (name: string, lines: readonly string[]): Promise<void> =>
  writeFileAtomic(file(name), lines.map((line) => `${line}\n`).join(''));

const world = makeWorld(0, { train: 100, heldOut: 20 });
await write(
  'facts',
  world.passages.map((passage) => JSON.stringify(passage)),
);
/** Formats a row as `gradus data rationales` writes it. */
const row = (fact: Fact): string => {
  const problem = problemOf(fact);
  const completion = `${statementOf(fact)}<answer> ${fact.value}</answer>`;
  const columns = JSON.parse(problemLine(problem)) as object;
  return JSON.stringify({
    ...columns,
    problemId: problem.id,
    completion,
    rationale: statementOf(fact).trim(),
  });
};
await write('rationales', world.train.map(row));
await write('held-out', world.heldOut.map(row));

const temporary = await mkdtemp(join(tmpdir(), 'gradus-kard-'));
try {
  await buildIndexFolder(world.passages, temporary, bm25Settings.parse({}));
  await using retriever = await openIndexFolder(temporary);
  const format = { template: contextTemplate, layout: 'plain' } as const;
  const add = (from: string, query: string, to: string) =>
    addContext({ file: file(from), retriever, query, top: 1, format, out: file(to) });
  await add('rationales', 'rationale', 'train');
  await add('held-out', 'prompt', 'held-out-bm25');
  await add('held-out', 'rationale', 'held-out-oracle');
} finally {
  await rm(temporary, { recursive: true });
}
