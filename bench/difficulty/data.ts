import { readdirSync, readFileSync } from 'node:fs';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { hashKey, uniformAt } from '../../src/core/rng.ts';
import {
  createFeatureTable,
  type FeatureTable,
  type ProblemFeatures,
} from '../../src/difficulty/probing/feature-table.ts';
import { featuresOf, passRateFeature } from '../../src/difficulty/probing/problem-features.ts';

/** Problems with recorded rollouts: a method reads them one at a time; the complete record is the ground truth. */
export interface Population {
  readonly name: string;
  readonly ids: readonly string[];
  /** Recorded rollouts per problem. */
  readonly horizon: number;
  /** Features known before any rollout; null without such features. */
  readonly features: FeatureTable | null;
  /** Successes among the first 0 … horizon rollouts, by problem. */
  readonly prefixes: readonly Uint16Array[];
}

interface AdaRow {
  readonly prompt: readonly { readonly content: string }[];
  readonly reward_model: { readonly ground_truth: unknown };
  readonly extra_info: { readonly difficulty: number };
}

/**
 * Reads AdaRFT's problems, with 128 rollouts of Qwen2.5-Math-7B each. The files' `difficulty` is the percentage that
 * FAILED (it falls with the pass rates of the RL trace, r = −0.81 over 898 common problems). Excludes problems with
 * conflicting scores. Only counts are published; a seeded shuffle orders the rollouts, which is valid if they are
 * exchangeable.
 *
 * @param part 0 or 1: which half, split by hash of the problem text.
 */
export async function readAdaRft(folder: string, part: number): Promise<Population> {
  const kept = [...(await adaRftCounts(folder))].filter(([text]) => hashKey(text) % 2 === part);
  return {
    name: `AdaRFT, half ${part}`,
    ids: kept.map(([text]) => text),
    horizon: adaRftRollouts,
    features: createFeatureTable(kept.map(([text, { answer }]) => featuresOfText(text, answer))),
    prefixes: kept.map(([text, { solved }]) => shuffled(hashKey(text), solved, adaRftRollouts)),
  };
}

/** Returns the first problems of a population, for comparisons that would take hours on all of them. */
export function firstOf(population: Population, count: number): Population {
  const { name, ids, features, prefixes } = population;
  return {
    ...population,
    name: `${name}, first ${count}`,
    ids: ids.slice(0, count),
    features: features && {
      words: features.words.slice(0, count),
      columns: features.columns.map((column) => column.slice(0, count)),
    },
    prefixes: prefixes.slice(0, count),
  };
}

/** Rollouts behind each of AdaRFT's scores. */
const adaRftRollouts = 128;

/** Returns how many of AdaRFT's rollouts solved each problem, by problem text. */
async function adaRftCounts(
  folder: string,
): Promise<ReadonlyMap<string, { readonly answer: string; readonly solved: number }>> {
  const found = new Map<string, { answer: string; counts: Set<number> }>();
  for (const name of readdirSync(folder).toSorted()) {
    const file = await asyncBufferFromFile(`${folder}/${name}`);
    for (const row of (await parquetReadObjects({ file })) as unknown as AdaRow[]) {
      const text = row.prompt[0]!.content;
      const answer = String(row.reward_model.ground_truth);
      const known = found.get(text) ?? { answer, counts: new Set<number>() };
      known.counts.add(Math.round(adaRftRollouts * (1 - row.extra_info.difficulty / 100)));
      found.set(text, known);
    }
  }
  const sure = [...found].filter(([, { counts }]) => counts.size === 1);
  return new Map(sure.map(([text, { answer, counts }]) => [text, { answer, solved: [...counts][0]! }]));
}

/** One problem of the RL trace: number of correct rollouts out of 8, by visit. */
export interface TraceProblem {
  readonly text: string;
  readonly answer: string;
  readonly visits: readonly number[];
}

/** Reads 1,209 problems, each with 44–57 visits during a GRPO run of Qwen2.5-Math-1.5B. */
export function readTrace(path: string): TraceProblem[] {
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const { problem, answer, acc8 } = JSON.parse(line) as { problem: string; answer: string; acc8: string };
      return { text: problem, answer, visits: Array.from(acc8, Number) };
    });
}

/**
 * Returns the first eight visits of the trace as 64 rollouts. The policy changed between visits, so the rollouts are
 * not exchangeable: `shuffled` orders them randomly (seeded), `as trained` shows the effect of their order on methods
 * that rely on it.
 */
export function populationOfTrace(
  problems: readonly TraceProblem[],
  order: 'shuffled' | 'as trained' = 'shuffled',
): Population {
  const rolloutsOf = ({ text, visits }: TraceProblem): Uint16Array =>
    order === 'shuffled'
      ? shuffled(
          hashKey(text),
          visits.slice(0, 8).reduce((sum, correct) => sum + correct, 0),
          64,
        )
      : concatenated(visits.slice(0, 8).map((correct, visit) => shuffled(hashKey(text, visit), correct, 8)));
  return {
    name: `RL trace, first 8 visits ${order}`,
    ids: problems.map(({ text }) => text),
    horizon: 64,
    features: createFeatureTable(problems.map(({ text, answer }) => featuresOfText(text, answer))),
    prefixes: problems.map(rolloutsOf),
  };
}

/** Returns the problems of the trace that AdaRFT's model also attempted, with its pass rates as the only features. */
export async function traceBesideAdaRft(
  problems: readonly TraceProblem[],
  folder: string,
): Promise<Population> {
  const others = await adaRftCounts(folder);
  const common = problems.filter(({ text }) => others.has(text));
  return {
    ...populationOfTrace(common),
    name: 'RL trace of a 1.5B model beside AdaRFT of a 7B model',
    features: createFeatureTable(
      common.map(({ text }) => ({
        words: [passRateFeature('7B', others.get(text)!.solved, adaRftRollouts)],
        values: {},
      })),
    ),
  };
}

/** Loads a file of `{id, bits: "0110…"}` lines; `prompt` and `answer` add features if given. */
export function readBits(path: string): Population {
  const rows = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as { id: unknown; bits: string; prompt?: unknown; answer?: unknown });
  const hasText = rows.every(({ prompt }) => typeof prompt === 'string');
  return {
    name: path,
    ids: rows.map(({ id }) => String(id)),
    horizon: Math.min(256, ...rows.map(({ bits }) => bits.length)),
    features: hasText
      ? createFeatureTable(
          rows.map(({ prompt, answer }) =>
            featuresOfText(String(prompt), typeof answer === 'string' ? answer : ''),
          ),
        )
      : null,
    prefixes: rows.map(({ bits }) => prefixesOf(Array.from(bits, Number))),
  };
}

/**
 * Returns a simulated population: 12 % never solved, 12 % always solved, the rest with log-odds from N(0, 2.5); one
 * feature equals the log-odds plus N(0, 1.5).
 */
export function simulated(count: number, horizon: number): Population {
  const key = hashKey('simulated');
  const problems = Array.from({ length: count }, (_, i) => {
    const draw = uniformAt(key, i, 0);
    const odds = 2.5 * gaussian(key, i, 1);
    const hint = odds + 1.5 * gaussian(key, i, 2);
    return { rate: draw < 0.12 ? 0 : draw > 0.88 ? 1 : 1 / (1 + Math.exp(-odds)), hint };
  });
  return {
    name: 'simulated',
    ids: problems.map((_, i) => `p${i}`),
    horizon,
    features: createFeatureTable(
      problems.map(({ hint }) => ({ words: [`hint ${Math.round(hint)}`], values: {} })),
    ),
    prefixes: problems.map(({ rate }, i) => drawn(key, i, rate, horizon)),
  };
}

/** Draws the cumulative successes of Bernoulli rollouts. */
export function drawn(key: number, problem: number, rate: number, horizon: number): Uint16Array {
  return prefixesOf(
    Array.from({ length: horizon }, (_, i) => Number(uniformAt(key, problem, 100 + i) < rate)),
  );
}

/** Draws from the standard normal distribution with a counter-based generator (Box–Muller). */
export function gaussian(key: number, ...counters: readonly number[]): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniformAt(key, ...counters, 1)));
  return radius * Math.cos(2 * Math.PI * uniformAt(key, ...counters, 2));
}

function featuresOfText(text: string, answer: string): ProblemFeatures {
  const prompt = [{ role: 'user' as const, content: text }];
  return { words: featuresOf({ id: '', domain: '', source: '', prompt, answer }), values: {} };
}

/** Returns the cumulative number of successes when `successes` of `trials` are in a seeded order. */
function shuffled(key: number, successes: number, trials: number): Uint16Array {
  let left = successes;
  return prefixesOf(
    Array.from({ length: trials }, (_, i) => {
      const isSuccess = uniformAt(key, i) < left / (trials - i);
      if (isSuccess) left--;
      return Number(isSuccess);
    }),
  );
}

function concatenated(parts: readonly Uint16Array[]): Uint16Array {
  return prefixesOf(parts.flatMap((part) => Array.from(part.subarray(1), (sum, i) => sum - part[i]!)));
}

/** Returns the cumulative successes of rollouts given as 0 and 1. */
export function prefixesOf(bits: readonly number[]): Uint16Array {
  const prefixes = new Uint16Array(bits.length + 1);
  bits.forEach((bit, i) => {
    prefixes[i + 1] = prefixes[i]! + bit;
  });
  return prefixes;
}
