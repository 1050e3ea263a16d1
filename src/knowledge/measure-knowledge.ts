import type { Problem } from '../core/problem.ts';
import type { Engine } from '../engines/engine.ts';
import { comparePaired } from '../evaluation/compare.ts';
import { evaluate, type Evaluation } from '../evaluation/evaluate.ts';
import { passRateOf } from '../evaluation/problem-result.ts';
import type { Passage } from '../retrieval/passage.ts';
import type { Retriever } from '../retrieval/retriever.ts';
import type { SuiteConfig } from '../recipe/suite.ts';
import { type Estimate, rateEstimate } from '../statistics/intervals.ts';
import { mean } from '../statistics/summary.ts';
import type { Verifier } from '../verifiers/verifier.ts';
import { questionOf } from './candidates.ts';
import { type ContextFormat, deranged, statesGold, withPassages } from './context.ts';
import { type Reranker, reranked } from './reranker.ts';

/** A problem and the rationale for its answer, if there is one. */
export interface KnowledgeProblem {
  readonly problem: Problem;
  readonly rationale?: string | undefined;
}

/** Retriever, reranker, model and settings of a measurement. */
export interface KnowledgeParts {
  readonly retriever: Retriever;
  readonly reranker?: Reranker | undefined;
  /** Number of the retriever's passages that the reranker scores. */
  readonly candidates: number;
  /** Maximum number of passages per prompt. */
  readonly top: number;
  readonly format: ContextFormat;
  readonly seed: number;
  /** The model to evaluate; if absent, only retrieval is measured. */
  readonly student?: {
    readonly engine: Pick<Engine, 'sampler' | 'weights' | 'renderer'>;
    readonly verifierFor: (problem: Problem) => Verifier;
    readonly suite: SuiteConfig;
  };
  readonly onProgress?: (condition: string, done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Sources of a prompt's passages. `oracle`: retrieved with the rationale as the query. `shuffled`: a different
 * problem's passages.
 */
export const conditions = ['none', 'retriever', 'reranker', 'oracle', 'shuffled'] as const;
export type Condition = (typeof conditions)[number];

/** Results of one condition; rates in [0, 1]. */
export interface ConditionReport {
  readonly condition: Condition;
  /**
   * Among the problems with an answer, the share whose passages contain it word for word; absent if no problem has an
   * answer.
   */
  readonly goldStated?: number;
  /** Mean pass rate, with a 95 % bootstrap interval over problems. */
  readonly accuracy?: Estimate;
  /** Accuracy minus the accuracy with `retriever`, paired by problem. */
  readonly gain?: Estimate;
  /** Accuracy on the problems whose passages do not contain the answer. */
  readonly accuracyUnstated?: Estimate;
}

/** Share of problems whose silver passage, the best one for the rationale, is ranked first or among the first 10. */
export interface Hits {
  readonly at1: Estimate;
  readonly at10: Estimate;
}

/** Result of `measureKnowledge`. */
export interface KnowledgeReport {
  readonly problems: number;
  /** Absent unless every problem has a rationale, which determines the silver passage. */
  readonly hits?: Partial<Readonly<Record<'retriever' | 'reranker', Hits>>>;
  readonly conditions: readonly ConditionReport[];
}

/**
 * Measures how much passages help: how often a retriever finds the passage that is best for the rationale and, if there
 * is a model, its accuracy without passages and with passages from the retriever, from the reranker, retrieved by the
 * rationale, and from other problems.
 */
export async function measureKnowledge(
  parts: KnowledgeParts,
  items: readonly KnowledgeProblem[],
): Promise<KnowledgeReport> {
  const { reranker, seed } = parts;
  const hasRationales = items.every(({ rationale }) => rationale !== undefined);
  const searched = await searchAll(parts, items, 'retriever');
  const ranked = reranker === undefined ? undefined : await searchAll(parts, items, 'reranker');
  const oracle = hasRationales ? await searchAll(parts, items, 'oracle') : undefined;
  const firsts = (lists: readonly (readonly Passage[])[]) => lists.map((list) => list.slice(0, parts.top));
  const passages: Partial<Record<Condition, readonly (readonly Passage[])[]>> = {
    none: items.map(() => []),
    retriever: firsts(searched),
    ...(ranked !== undefined && { reranker: firsts(ranked) }),
    ...(oracle !== undefined && { oracle: firsts(oracle) }),
    shuffled: deranged(firsts(oracle ?? searched), seed),
  };
  const evaluations = new Map<Condition, Evaluation>();
  for (const condition of conditions) {
    const given = passages[condition];
    if (given === undefined || parts.student === undefined) continue;
    evaluations.set(condition, await evaluateWith(parts, condition, items, given));
  }
  const silver = oracle?.map(([best]) => best?.id);
  return {
    problems: items.length,
    ...(silver !== undefined && {
      hits: {
        retriever: hitsOf(searched, silver, seed),
        ...(ranked !== undefined && { reranker: hitsOf(ranked, silver, seed) }),
      },
    }),
    conditions: conditions.flatMap((condition) => {
      const given = passages[condition];
      return given === undefined ? [] : [reportOf(condition, items, given, evaluations, seed)];
    }),
  };
}

/** Number of passages among which hits are counted. */
const longest = 10;

/** Retrieves passages for every problem: at least ten, if the index has that many matches. */
async function searchAll(
  { retriever, reranker, candidates, top, onProgress, signal }: KnowledgeParts,
  items: readonly KnowledgeProblem[],
  by: 'retriever' | 'reranker' | 'oracle',
): Promise<(readonly Passage[])[]> {
  const source = by === 'reranker' ? reranked(retriever, reranker!, candidates) : retriever;
  const lists: (readonly Passage[])[] = [];
  for (const { problem, rationale } of items) {
    const query = by === 'oracle' ? rationale! : questionOf(problem.prompt);
    lists.push(await source.search(query, Math.max(top, longest), signal));
    onProgress?.(`passages by ${by}`, lists.length, items.length);
  }
  return lists;
}

async function evaluateWith(
  { student, format, seed, onProgress, signal }: KnowledgeParts,
  condition: Condition,
  items: readonly KnowledgeProblem[],
  passages: readonly (readonly Passage[])[],
): Promise<Evaluation> {
  const { engine, verifierFor, suite } = student!;
  const problems = items.map(({ problem }, i) =>
    condition === 'none'
      ? problem
      : { ...problem, prompt: withPassages(problem.prompt, passages[i]!, format) },
  );
  const onEvaluated = (done: number, total: number): void =>
    onProgress?.(`attempts with ${condition}`, done, total);
  return evaluate({ engine, verifierFor, problems, suite, seed, signal, onProgress: onEvaluated });
}

function hitsOf(
  lists: readonly (readonly Passage[])[],
  silver: readonly (string | undefined)[],
  seed: number,
): Hits {
  const within = (top: number): Estimate =>
    rateEstimate(
      lists.map((list, i) => Number(list.slice(0, top).some(({ id }) => id === silver[i]))),
      { seed },
    );
  return { at1: within(1), at10: within(longest) };
}

function reportOf(
  condition: Condition,
  items: readonly KnowledgeProblem[],
  passages: readonly (readonly Passage[])[],
  evaluations: ReadonlyMap<Condition, Evaluation>,
  seed: number,
): ConditionReport {
  const states = items.map(({ problem: { answer } }, i) =>
    answer === undefined ? undefined : statesGold(passages[i]!, answer),
  );
  const known = states.filter((stated) => stated !== undefined);
  const [evaluation, base] = [evaluations.get(condition), evaluations.get('retriever')];
  const goldStated = known.length > 0 && { goldStated: mean(known.map(Number)) };
  if (evaluation === undefined) return { condition, ...goldStated };
  const unstated = evaluation.problems.filter((_, i) => states[i] === false);
  const estimate = (results: Evaluation['problems']): Estimate =>
    rateEstimate(results.filter(({ trials }) => trials > 0).map(passRateOf), { seed });
  return {
    condition,
    ...goldStated,
    accuracy: estimate(evaluation.problems),
    ...(base !== undefined &&
      condition !== 'retriever' && { gain: comparePaired(base, evaluation, { seed }).overall.difference }),
    ...(condition !== 'none' && unstated.length > 0 && { accuracyUnstated: estimate(unstated) }),
  };
}
