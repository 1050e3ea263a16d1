import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Verdict } from '../../src/core/verdict.ts';
import { boxed, type Judge, judgeUnder, type Policy, quantile } from './judge.ts';

/** A pair of answers labelled by a public test suite or from a public bug report. */
export interface Case {
  readonly id: string;
  readonly gold: string;
  readonly pred: string;
  readonly expected: boolean;
  /** `text`: `pred` is a whole completion; `answer`: it is the content of the box. */
  readonly style: 'text' | 'answer';
  /** Options that the suite sets for this case. */
  readonly strict?: boolean;
  readonly precision?: number;
  readonly allow_set_relation_comp?: boolean;
}

/** Agreement of a verifier with the labels, and its errors. */
export interface Score {
  readonly cases: number;
  readonly passed: number;
  /** Cases judged correct although labelled different. */
  readonly falsePositives: number;
  /** Cases not judged correct although labelled equal. */
  readonly falseNegatives: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Policies for the suites whose conventions contradict the defaults. */
const conventions: Readonly<Record<string, Policy>> = {
  hendrycks_math: { lists: 'ordered' },
  slime: { unreduced: 'reject' },
  tinker_cookbook: { unreduced: 'reject' },
};

/** Reasons for not following a label: it contradicts another suite or the documented defaults. */
const reasons: Readonly<Record<string, string>> = {
  'math_verify-264': 'labels 1 - 1/e equal to 1 + 1/e',
  'skythought-007': 'wants 2.0001 equal to 2; nemo_skills-048 wants 5 and 5.001 different',
  'skythought-008': 'wants 0.75 equal to 75; turbolora-002 wants 50 and 0.5 different (default)',
  'skythought-021': 'an empty gold is ungradable, never correct',
  'turbolora-017': 'wants 18 dollars different from 18; nemo_skills-031 wants units ignored (default)',
  'turbolora-018':
    'wants a gold of 3.14159 to reject π; a value that rounds to a decimal gold is accepted (default)',
};

/** Loads the labelled math cases of every JSON file in a folder; none if the folder does not exist. */
export function loadCases(
  folder: string,
  isCaseFile = (name: string): boolean => name.endsWith('.json'),
): readonly Case[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter(isCaseFile)
    .toSorted()
    .flatMap((file) => {
      const cases = JSON.parse(readFileSync(join(folder, file), 'utf8')) as readonly Partial<Case>[];
      return cases.map(
        (item, index) => ({ id: `${file.replace('.json', '')}-${index}`, style: 'text', ...item }) as Case,
      );
    });
}

/** Loads the adversarial pairs of `adversarial.txt`; `id` consists of the kind and the line number. */
export function loadAdversarial(): readonly Case[] {
  let kind = '';
  const text = readFileSync(new URL('adversarial.txt', import.meta.url), 'utf8');
  return text.split('\n').flatMap((line, index) => {
    if (line.startsWith('# ')) kind = line.slice(2);
    const [mark, gold, pred] = line.split('\t');
    if (gold === undefined || pred === undefined) return [];
    const isText = pred.startsWith('> ');
    return [
      {
        id: `${kind}, line ${index + 1}`,
        gold,
        pred: isText ? pred.slice(2) : pred,
        expected: mark === '=',
        style: isText ? ('text' as const) : ('answer' as const),
      },
    ];
  });
}

/** Returns the completion of a case, as the verifier reads it. */
export function completionOf({ pred, style }: Case): string {
  return style === 'answer' ? boxed(pred) : pred;
}

/** Counts how many verdicts agree with the labels, and the errors of each kind. */
export function scoreOf(
  cases: readonly Case[],
  isEqual: readonly boolean[],
  times: readonly number[],
): Score {
  const sorted = times.toSorted((a, b) => a - b);
  return {
    cases: cases.length,
    passed: cases.filter(({ expected }, index) => isEqual[index] === expected).length,
    falsePositives: cases.filter(({ expected }, index) => isEqual[index]! && !expected).length,
    falseNegatives: cases.filter(({ expected }, index) => !isEqual[index]! && expected).length,
    medianMs: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    maxMs: sorted.at(-1) ?? Number.NaN,
  };
}

/** Judges every case twice: with the options that its suite specifies, and with the defaults alone. */
export async function runCases(
  cases: readonly Case[],
): Promise<Score & { readonly passedIgnoringSuiteOptions: number; readonly unexplainedMisses: number }> {
  const defaults = judgeUnder();
  for (const item of cases) await defaults(item.gold, completionOf(item));
  const misses: string[] = [];
  const [times, isEqual]: [number[], boolean[]] = [[], []];
  let passedIgnoringSuiteOptions = 0;
  for (const item of cases) {
    const { verdict: plain, ms } = await timed(defaults, item);
    times.push(ms);
    if ((plain.outcome === 'correct') === item.expected) passedIgnoringSuiteOptions++;
    const verdict = await judgeUnder(optionsOf(item))(item.gold, completionOf(item));
    isEqual.push(verdict.outcome === 'correct');
    if (isEqual.at(-1) === item.expected) continue;
    misses.push(
      `${item.id}: expected ${item.expected ? 'equal' : 'different'}, got ${verdict.outcome} (${verdict.reason}). Reason: ${reasons[item.id] ?? 'none known'}`,
    );
  }
  console.log(`\nMisses (${misses.length} of ${cases.length}):`);
  for (const miss of misses) console.log(`  ${miss.replaceAll('\n', ' ')}`);
  return {
    ...scoreOf(cases, isEqual, times),
    passedIgnoringSuiteOptions,
    unexplainedMisses: misses.filter((miss) => miss.endsWith('none known')).length,
  };
}

/** Judges a case three times and returns the shortest time, to exclude other load on the machine. */
async function timed(judge: Judge, item: Case): Promise<{ readonly verdict: Verdict; readonly ms: number }> {
  let ms = Number.POSITIVE_INFINITY;
  for (let round = 0; ; round++) {
    const start = performance.now();
    const verdict = await judge(item.gold, completionOf(item));
    ms = Math.min(ms, performance.now() - start);
    if (round === 2) return { verdict, ms };
  }
}

function optionsOf(item: Case): Policy {
  return {
    ...conventions[item.id.replace(/-\d+$/, '')],
    ...(item.strict === false && { variables: 'renamed' }),
    ...(item.precision !== undefined && item.precision < 5 && { significantDigits: item.precision }),
    ...(item.allow_set_relation_comp === false && { inequalities: 'as-written' }),
  };
}
