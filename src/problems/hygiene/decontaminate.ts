import type { Problem } from '../../core/problem.ts';
import { goldsAgree, questionOf, type SameAnswer } from './golds.ts';
import { contentOf, numbersOf, tokensOf } from './normal-form.ts';
import type { Finding, FindingLog } from './report.ts';
import { sharedCount, shinglesOf } from './shingles.ts';

/** A set of problems that must not be trained on. */
export interface EvaluationSet {
  readonly name: string;
  readonly problems: AsyncIterable<Problem> | Iterable<Problem>;
}

/** When a problem counts as one of an evaluation set. */
export interface ContaminationOptions {
  /** Least share of the evaluation problem's three-word runs that a retelling contains, 0 … 1. Default 0.4. */
  readonly overlap?: number;
  /** Judges golds that are spelled differently; without it a different spelling is another answer. */
  readonly sameAnswer?: SameAnswer;
}

/**
 * Streams the problems that are in no evaluation set. A problem is in one when it has the same text but for spelling,
 * spacing and mark-up; or contains all numbers and most three-word runs of one, and has its gold: a retelling. The same
 * words with other numbers or another gold are another problem of the same template, and stay.
 *
 * Memory grows with the evaluation sets alone.
 */
export async function* decontaminate(
  problems: AsyncIterable<Problem>,
  sets: readonly EvaluationSet[],
  log: FindingLog,
  options: ContaminationOptions = {},
): AsyncGenerator<Problem> {
  const index = await indexSets(sets);
  for await (const problem of problems) {
    log.see();
    const finding = await findContamination(problem, index, options);
    if (finding === undefined) yield problem;
    else log.remove(finding);
  }
}

/** An evaluation problem, ready to be looked for. */
interface Target {
  readonly set: string;
  readonly id: string;
  readonly gold: string | undefined;
  readonly content: readonly string[];
  readonly numbers: readonly string[];
  readonly shingles: Uint32Array;
}

interface TargetIndex {
  readonly targets: readonly Target[];
  readonly byText: ReadonlyMap<string, Target>;
  /** Targets by their shingles; of a shingle that very many share only those that have none rarer. */
  readonly byShingle: ReadonlyMap<number, readonly number[]>;
}

const shingleSize = 3;
/** Shingles of more targets than this ("find the value") point at nothing. */
const maxPostings = 64;
/** Rarest shingles under which a target is found whatever their number. */
const keptShingles = 4;

async function indexSets(sets: readonly EvaluationSet[]): Promise<TargetIndex> {
  const targets: Target[] = [];
  const byText = new Map<string, Target>();
  for (const { name, problems } of sets)
    for await (const { id, answer, ...problem } of problems) {
      const tokens = tokensOf(questionOf(problem as Problem));
      const content = contentOf(tokens);
      const shingles = shinglesOf(content, shingleSize);
      const target = { set: name, id, gold: answer, content, numbers: numbersOf(tokens), shingles };
      byText.set(tokens.join(' '), target);
      targets.push(target);
    }
  return { targets, byText, byShingle: postingsOf(targets) };
}

function postingsOf(targets: readonly Target[]): Map<number, number[]> {
  const counts = new Map<number, number>();
  for (const { shingles } of targets)
    for (const shingle of shingles) counts.set(shingle, (counts.get(shingle) ?? 0) + 1);
  const postings = new Map<number, number[]>();
  for (const [index, { shingles }] of targets.entries()) {
    const rarest = [...shingles].toSorted((a, b) => counts.get(a)! - counts.get(b)!);
    for (const [rank, shingle] of rarest.entries()) {
      if (rank >= keptShingles && counts.get(shingle)! > maxPostings) break;
      const posting = postings.get(shingle);
      if (posting === undefined) postings.set(shingle, [index]);
      else posting.push(index);
    }
  }
  return postings;
}

async function findContamination(
  problem: Problem,
  { targets, byText, byShingle }: TargetIndex,
  { overlap = 0.4, sameAnswer = () => false }: ContaminationOptions,
): Promise<Finding | undefined> {
  const tokens = tokensOf(questionOf(problem));
  const same = byText.get(tokens.join(' '));
  if (same !== undefined) return findingOf(problem, same, 'same text', 1, same.content.join(' '));
  const content = contentOf(tokens);
  const shingles = shinglesOf(content, shingleSize);
  const numbers = numbersOf(tokens);
  for (const index of candidatesOf(shingles, byShingle)) {
    const target = targets[index]!;
    if (!containsAll(numbers, target.numbers)) continue;
    const share = sharedCount(shingles, target.shingles) / target.shingles.length;
    if (share < overlap) continue;
    if ((await goldsAgree(problem.answer, target.gold, sameAnswer)) === false) continue;
    return findingOf(problem, target, 'retold', share, longestShared(target.content, content));
  }
  return undefined;
}

function candidatesOf(shingles: Uint32Array, byShingle: TargetIndex['byShingle']): Set<number> {
  const found = new Set<number>();
  for (const shingle of shingles) for (const target of byShingle.get(shingle) ?? []) found.add(target);
  return found;
}

/** Whether a sorted list contains another, each value as often. */
function containsAll(all: readonly string[], wanted: readonly string[]): boolean {
  let at = 0;
  for (const value of wanted) {
    while (at < all.length && all[at] !== value) at++;
    if (at === all.length) return false;
    at++;
  }
  return true;
}

function findingOf(problem: Problem, target: Target, how: string, share: number, passage: string): Finding {
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

/** The longest run of tokens that both have. */
function longestShared(target: readonly string[], text: readonly string[]): string {
  let best = { length: 0, end: 0 };
  let previous = new Uint16Array(text.length + 1);
  for (const [i, token] of target.entries()) {
    const row = new Uint16Array(text.length + 1);
    for (let j = 0; j < text.length; j++) {
      if (token !== text[j]) continue;
      row[j + 1] = previous[j]! + 1;
      if (row[j + 1]! > best.length) best = { length: row[j + 1]!, end: i + 1 };
    }
    previous = row;
  }
  return target.slice(best.end - best.length, best.end).join(' ');
}
