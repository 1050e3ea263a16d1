import type { Verdict } from '../../core/verdict.ts';

/** Ways to combine the scores of an answer's steps into the answer's score. */
export const scoreRules = ['last', 'min', 'avg', 'prod'] as const;
export type ScoreRule = (typeof scoreRules)[number];

/**
 * Rule that chooses one of several answers. `max`: the answer with the highest score. `vote`: the distinct
 * answer with the largest sum of scores. `majority`: the most frequent answer.
 */
export type Choice = 'max' | 'vote' | 'majority';

/** An answer among which a rule chooses. */
export interface Candidate {
  /**
   * Normal form of the answer; equal answers vote together. Absent if no answer could be read; the candidate then
   * cannot vote.
   */
  readonly answer?: string | undefined;
  readonly isCorrect: boolean;
  /** In [0, 1]; null if it was not scored. */
  readonly score: number | null;
}

/** Combines the scores of the scored steps; null if no step has a score. */
export function combineScores(stepScores: readonly (number | null)[], rule: ScoreRule): number | null {
  const scores = stepScores.filter((score) => score !== null);
  if (scores.length === 0) return null;
  switch (rule) {
    case 'last':
      return scores.at(-1)!;
    case 'min':
      return Math.min(...scores);
    case 'avg':
      return scores.reduce((sum, score) => sum + score, 0) / scores.length;
    case 'prod':
      return scores.reduce((product, score) => product * score, 1);
  }
}

/**
 * Returns the probability that the chosen answer is correct. If several tie, one of them is chosen at random, so the
 * result does not depend on their order. If no candidate has a score, `max` chooses among all of them. If no
 * candidate has an answer, a vote returns 0.
 */
export function chanceCorrect(candidates: readonly Candidate[], choice: Choice): number {
  if (candidates.length === 0) return 0;
  if (choice === 'max') {
    const scored = candidates.filter(({ score }) => score !== null);
    const pool = scored.length === 0 ? candidates : scored;
    return shareCorrect(winners(pool, ({ score }) => score ?? 0));
  }
  const votes = new Map<string, { weight: number; isCorrect: boolean }>();
  for (const { answer, isCorrect, score } of candidates) {
    if (answer === undefined) continue;
    const vote = votes.get(answer) ?? { weight: 0, isCorrect: false };
    const weight = choice === 'majority' ? 1 : (score ?? 0);
    votes.set(answer, { weight: vote.weight + weight, isCorrect: vote.isCorrect || isCorrect });
  }
  return votes.size === 0 ? 0 : shareCorrect(winners([...votes.values()], ({ weight }) => weight));
}

/**
 * Returns the index of the chosen answer: the first of several that tie. A vote returns the answer with the highest
 * score among those of the winning form, and chooses like `max` if no answer can be read.
 */
export function chosenIndex(candidates: readonly Omit<Candidate, 'isCorrect'>[], choice: Choice): number {
  const byScore = (places: readonly number[]): number =>
    places.reduce((best, at) =>
      (candidates[at]!.score ?? -1) > (candidates[best]!.score ?? -1) ? at : best,
    );
  const readable = [...candidates.keys()].filter((at) => candidates[at]!.answer !== undefined);
  if (choice === 'max' || readable.length === 0) return byScore([...candidates.keys()]);
  const forms = [...Map.groupBy(readable, (at) => candidates[at]!.answer).values()];
  const weightOf = (places: readonly number[]): number =>
    choice === 'majority' ? places.length : places.reduce((sum, at) => sum + (candidates[at]!.score ?? 0), 0);
  return byScore(winners(forms, weightOf)[0]!);
}

/**
 * Returns the exact expected result of `max` over all subsets of k = `count` of the n candidates. Candidates of equal
 * score form a group. The best of a subset is in group g with probability (C(n≤, k) − C(n<, k)) / C(n, k), where n≤
 * and n< are the numbers of candidates with scores at most, and below, that of g. It is correct with a probability
 * equal to the group's share of correct answers. Candidates without a score rank last. With the verdict as the score,
 * the result equals unbiased pass@k.
 *
 * @throws RangeError unless 1 ≤ count ≤ candidates.
 */
export function chanceCorrectOfSubset(candidates: readonly Candidate[], count: number): number {
  const total = candidates.length;
  if (count < 1 || count > total) throw new RangeError(`expected 1 ≤ count ≤ ${total}, got ${count}`);
  const groups = Map.groupBy(candidates, ({ score }) => score ?? -1);
  let upTo = 0;
  let below = 0;
  let chance = 0;
  for (const score of [...groups.keys()].toSorted((a, b) => a - b)) {
    const group = groups.get(score)!;
    upTo += group.length;
    const within = shareOfSubsets(upTo, total, count);
    chance += (within - below) * shareCorrect(group);
    below = within;
  }
  return chance;
}

/**
 * Returns the expected result of choosing among `count` of the candidates, or among all of them if there are fewer.
 * For `max`, it is exact over all subsets; for votes, it is the mean over disjoint blocks.
 */
export function chanceCorrectOf(candidates: readonly Candidate[], choice: Choice, count: number): number {
  const size = Math.min(count, candidates.length);
  if (choice === 'max' && size < candidates.length) return chanceCorrectOfSubset(candidates, size);
  const blocks = Math.floor(candidates.length / size);
  let chance = 0;
  for (let block = 0; block < blocks; block++)
    chance += chanceCorrect(candidates.slice(block * size, (block + 1) * size), choice);
  return chance / blocks;
}

/** Returns C(some, k) / C(all, k): the share of all subsets of size k that lie within `some`. */
function shareOfSubsets(some: number, all: number, k: number): number {
  let share = 1;
  for (let i = 0; i < k; i++) share *= Math.max(0, some - i) / (all - i);
  return share;
}

/**
 * Returns the answer for which an attempt votes. All correct answers count as one; incorrect ones are distinguished by
 * the first of these keys in the verdict's evidence: `value`, `normalised`, `extracted`. Answers that were judged
 * without a normal form, such as programs, vote by their `text`; without it, they cannot vote.
 */
export function votedAnswer({ outcome, evidence = {} }: Verdict, text?: string): string | undefined {
  const { value, normalised, extracted } = evidence;
  const answer = [value, answerIn(normalised), extracted].find((form) => typeof form === 'string');
  if (answer !== undefined) return outcome === 'correct' ? 'the right answer' : answer;
  return outcome === 'unparsed' || outcome === 'ungradable' ? undefined : text?.trim();
}

/** Returns the answer's normal form: verdicts store it as a plain value or as `{ gold, answer }`. */
const answerIn = (normalised: unknown): unknown =>
  typeof normalised === 'object' && normalised !== null && 'answer' in normalised
    ? normalised.answer
    : normalised;

/** Sums that differ by no more than this count as ties, because the order of summation changes the rounding. */
const rounding = 1e-12;

function winners<Item>(items: readonly Item[], weightOf: (item: Item) => number): Item[] {
  const most = Math.max(...items.map(weightOf));
  return items.filter((item) => weightOf(item) >= most - rounding * Math.max(1, most));
}

const shareCorrect = (items: readonly { readonly isCorrect: boolean }[]): number =>
  items.filter(({ isCorrect }) => isCorrect).length / items.length;
