import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Verdict } from '../../src/core/verdict.ts';
import { boxed, type Judge, judgeUnder, type Policy, quantile } from './judge.ts';

/** A pair of answers labelled by one of the public test suites. */
export interface Case {
  readonly id: string;
  readonly gold: string;
  readonly pred: string;
  readonly expected: boolean;
  /** `text`: `pred` is a whole completion; `answer`: it is what stood in the box. */
  readonly style: 'text' | 'answer';
  /** Options the suite itself sets for this case. */
  readonly strict?: boolean;
  readonly precision?: number;
  readonly allow_set_relation_comp?: boolean;
}

/** Why a label is not followed, where it cannot be: the suites contradict each other or the documented defaults. */
const reasons: Readonly<Record<string, string>> = {
  'hendrycks_math-001':
    'wants comma lists ordered; turbolora-022 and math_verify-224 want them unordered (default)',
  'hendrycks_math-008':
    'wants comma lists ordered; turbolora-022 and math_verify-224 want them unordered (default)',
  'math_verify-264': 'labels 1 - 1/e equal to 1 + 1/e',
  'skythought-007': 'wants 2.0001 equal to 2; nemo_skills-048 wants 5 and 5.001 different',
  'skythought-008': 'wants 0.75 equal to 75; turbolora-002 wants 50 and 0.5 different (default)',
  'skythought-021': 'an empty gold is ungradable, never correct',
  'slime-006': 'wants 2/4 different from 1/2; skythought-014 and turbolora-008 want them equal (default)',
  'tinker_cookbook-006':
    'wants 2/4 different from 1/2; skythought-014 and turbolora-008 want them equal (default)',
  'turbolora-017': 'wants 18 dollars different from 18; nemo_skills-031 wants units ignored (default)',
  'turbolora-018':
    'wants a gold of 3.14159 to refuse π; a decimal gold is met by what rounds to it (default)',
};

/** The cases of every JSON file in a folder. */
export function loadCases(folder: string): readonly Case[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return files.toSorted().flatMap((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Case[]);
}

/** What the verifier reads for a case. */
export function completionOf({ pred, style }: Case): string {
  return style === 'answer' ? boxed(pred) : pred;
}

/** Judges every case; options a suite states for a case are passed on as policy. */
export async function runCases(cases: readonly Case[]): Promise<Record<string, unknown>> {
  const misses: string[] = [];
  const times: number[] = [];
  let missedWithDefaultsOnly = 0;
  await judgeAll(cases, judgeUnder());
  const defaults = judgeUnder();
  for (const item of cases) {
    const { verdict: plain, ms } = await timed(defaults, item);
    times.push(ms);
    if ((plain.outcome === 'correct') !== item.expected) missedWithDefaultsOnly++;
    const verdict = await judgeUnder(optionsOf(item))(item.gold, completionOf(item));
    if ((verdict.outcome === 'correct') === item.expected) continue;
    misses.push(
      `${item.id}: expected ${item.expected ? 'equal' : 'different'}, got ${verdict.outcome} (${verdict.reason}). Reason: ${reasons[item.id] ?? 'none known'}`,
    );
  }
  console.log(`\nMisses on the public suites (${misses.length} of ${cases.length}):`);
  for (const miss of misses) console.log(`  ${miss.replaceAll('\n', ' ')}`);
  const sorted = times.toSorted((a, b) => a - b);
  return {
    cases: cases.length,
    passed: cases.length - misses.length,
    passedIgnoringSuiteOptions: cases.length - missedWithDefaultsOnly,
    unexplainedMisses: misses.filter((miss) => miss.endsWith('none known')).length,
    medianMs: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    maxMs: sorted.at(-1),
  };
}

/** The best of three, so that other programs on the machine are not measured. */
async function timed(judge: Judge, item: Case): Promise<{ readonly verdict: Verdict; readonly ms: number }> {
  let ms = Number.POSITIVE_INFINITY;
  for (let round = 0; ; round++) {
    const start = performance.now();
    const verdict = await judge(item.gold, completionOf(item));
    ms = Math.min(ms, performance.now() - start);
    if (round === 2) return { verdict, ms };
  }
}

/** One pass unmeasured, so that the figures speak of compiled code. */
async function judgeAll(cases: readonly Case[], judge: Judge): Promise<void> {
  for (const item of cases) await judge(item.gold, completionOf(item));
}

function optionsOf(item: Case): Policy {
  return {
    ...(item.strict === false && { variables: 'renamed' }),
    ...(item.precision !== undefined && item.precision < 5 && { significantDigits: item.precision }),
    ...(item.allow_set_relation_comp === false && { inequalities: 'as-written' }),
  };
}
