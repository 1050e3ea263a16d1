import type { Problem } from '../../core/problem.ts';
import {
  type ComparedText,
  comparedText,
  type EvaluationIndex,
  type EvaluationSet,
  indexEvaluationSets,
  type Target,
} from './evaluation-index.ts';
import { goldsAgree, questionOf, type SameAnswer } from './golds.ts';
import type { Finding, FindingLog } from './report.ts';
import { sharedCount } from './shingles.ts';

/** Thresholds for matching a problem of an evaluation set. */
export interface ContaminationOptions {
  /** Minimum share of an evaluation problem's three-word runs in a text that contains it, 0 … 1. Default 0.6. */
  readonly contained?: number;
  /**
   * Minimum share of an evaluation problem's two-word runs, weighted by rarity, in a text that paraphrases it with the
   * same numbers, 0 … 1. Default 0.38: `bench/data.ts` finds 99 % of paraphrased MATH-500 with fewer than 1 in 1000
   * false alarms.
   */
  readonly retold?: number;
  /** Compares golds that are spelled differently; default: a different spelling is a different answer. */
  readonly sameAnswer?: SameAnswer;
}

/**
 * Streams the problems that match no problem of an evaluation set. A problem matches another one if it
 *
 * - has the same text apart from spelling, spacing and mark-up;
 * - contains it: all its numbers, most of its three-word runs, and its gold; or
 * - paraphrases it: the same numbers, the same gold, and enough of its rare two-word runs.
 *
 * A problem with the same words but different numbers or a different gold is a different problem from the same
 * template, and is kept. Memory grows with the evaluation sets only.
 */
export async function* decontaminate(
  problems: AsyncIterable<Problem>,
  sets: readonly EvaluationSet[],
  log: FindingLog,
  options: ContaminationOptions = {},
): AsyncGenerator<Problem> {
  const index = await indexEvaluationSets(sets);
  for await (const problem of problems) {
    log.see();
    const finding = await findContamination(problem, index, options);
    if (finding === undefined) yield problem;
    else log.remove(finding);
  }
}

async function findContamination(
  problem: Problem,
  index: EvaluationIndex,
  { contained = 0.6, retold = 0.38, sameAnswer = () => false }: ContaminationOptions,
): Promise<Finding | undefined> {
  const text = comparedText(problem);
  const same = index.byText.get(text.normalForm);
  if (same !== undefined) return findingOf(problem, text, same, 'same text', 1);
  for (const target of index.candidates(text)) {
    // Reject nearly all candidates with one operation.
    if ((target.numberBits & ~text.numberBits) !== 0) continue;
    if (!containsAll(text.numbers, target.numbers)) continue;
    const share = sharedCount(text.triples, target.triples) / target.triples.length;
    const weighted = text.numbers.length === target.numbers.length ? weightedShare(text, target, index) : 0;
    if (share < contained && weighted < retold) continue;
    if ((await goldsAgree(problem.answer, target.gold, sameAnswer)) === false) continue;
    const how = share < contained ? 'retold' : 'contained';
    return findingOf(problem, text, target, how, share < contained ? weighted : share);
  }
  return undefined;
}

/** Returns whether a sorted list contains another, counting repeated values. */
function containsAll(all: readonly string[], wanted: readonly string[]): boolean {
  let at = 0;
  for (const value of wanted) {
    while (at < all.length && all[at] !== value) at++;
    if (at === all.length) return false;
    at++;
  }
  return true;
}

/** Returns the weighted share of the target's pairs that the text contains. */
function weightedShare(text: ComparedText, target: Target, { weightOf }: EvaluationIndex): number {
  let [shared, total] = [0, 0];
  let at = 0;
  for (const pair of target.pairs) {
    const weight = weightOf(pair);
    total += weight;
    while (at < text.pairs.length && text.pairs[at]! < pair) at++;
    if (text.pairs[at] === pair) shared += weight;
  }
  return shared / total;
}

function findingOf(
  problem: Problem,
  text: ComparedText,
  target: Target,
  how: string,
  share: number,
): Finding {
  const passage = longestShared(target.content, text.content);
  const percent = (share * 100).toFixed(0);
  return {
    id: problem.id,
    reason: `in ${target.set}: ${how}`,
    explanation: `${target.id} of ${target.set}, ${percent} % of it: "${passage.slice(0, 120)}"`,
    evidence: {
      set: target.set,
      id: target.id,
      how,
      share,
      passage,
      text: questionOf(problem).slice(0, 1000),
    },
  };
}

/** Returns the longest common run of tokens, joined by spaces. */
function longestShared(target: readonly string[], text: readonly string[]): string {
  let best = { length: 0, end: 0 };
  let previous = new Uint32Array(text.length + 1);
  for (const [i, token] of target.entries()) {
    const row = new Uint32Array(text.length + 1);
    for (const [j, other] of text.entries()) {
      if (token !== other) continue;
      row[j + 1] = previous[j]! + 1;
      if (row[j + 1]! > best.length) best = { length: row[j + 1]!, end: i + 1 };
    }
    previous = row;
  }
  return target.slice(best.end - best.length, best.end).join(' ');
}
