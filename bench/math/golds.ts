import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { boxed, type Judge, judgeUnder } from './judge.ts';
import { mutations } from './mutate.ts';
import { spellings } from './reformat.ts';

/** Gold answers of one data set. */
export interface GoldSet {
  readonly name: string;
  readonly golds: readonly string[];
}

const sources: readonly { readonly name: string; readonly file: string }[] = [
  { name: 'MATH-500', file: 'math500.jsonl.gz' },
  { name: 'AIME24', file: 'aime24.json' },
  { name: 'AMC23', file: 'amc23.jsonl' },
  { name: 'MATH-train', file: 'deepscaler_math_train.json.gz' },
];

/** Loads the data sets present in a folder. */
export function loadGolds(folder: string): readonly GoldSet[] {
  return sources
    .filter(({ file }) => existsSync(join(folder, file)))
    .map(({ name, file }) => ({
      name,
      golds: readRows(join(folder, file)).map(({ answer }) =>
        typeof answer === 'string' || typeof answer === 'number' ? String(answer) : '',
      ),
    }));
}

/** Counts the gold answers that can be parsed, and lists the others. */
export async function runGolds(sets: readonly GoldSet[]): Promise<Record<string, unknown>> {
  const judge = judgeUnder();
  const counts: Record<string, string> = {};
  for (const { name, golds } of sets) {
    const refused: string[] = [];
    for (const gold of golds) {
      if ((await judge(gold, boxed(gold))).outcome !== 'correct') refused.push(gold);
    }
    counts[name] = `${golds.length - refused.length}/${golds.length}`;
    for (const gold of refused) console.log(`  ${name}: cannot be parsed: ${JSON.stringify(gold)}`);
  }
  return counts;
}

/** Respells and mutates every gold: a respelling must be accepted, a mutation rejected. */
export async function runMetamorphic(
  golds: readonly string[],
  shown: number,
): Promise<Record<string, unknown>> {
  const judge = judgeUnder();
  const distinct = [...new Set(golds)].filter((gold) => gold.trim() !== '');
  const respelled = await tally(
    distinct,
    spellings.map(({ name, respell }) => ({ name, change: respell })),
    judge,
    'correct',
    shown,
  );
  const mutated = await tally(
    distinct,
    mutations.map(({ name, mutate }) => ({ name, change: mutate })),
    judge,
    'incorrect',
    shown,
  );
  return { distinctGolds: distinct.length, respelled, mutated };
}

interface Change {
  readonly name: string;
  readonly change: (gold: string) => string | undefined;
}

async function tally(
  golds: readonly string[],
  changes: readonly Change[],
  judge: Judge,
  wanted: string,
  shown: number,
): Promise<Record<string, unknown>> {
  let [total, good] = [0, 0];
  for (const { name, change } of changes) {
    for (const gold of golds) {
      const changed = change(gold);
      if (changed === undefined) continue;
      total++;
      const verdict = await judge(gold, boxed(changed));
      if (verdict.outcome === wanted) good++;
      else if (total - good <= shown)
        console.log(`  ${name}: ${gold} → ${changed}: ${verdict.outcome} (${verdict.reason})`);
    }
  }
  return { total, good, rate: total === 0 ? undefined : good / total };
}

function readRows(file: string): readonly { readonly answer?: unknown }[] {
  const bytes = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text.startsWith('[')
    ? JSON.parse(text)
    : text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
}
