import type { Problem } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import type { Start } from '../../core/transcript.ts';
import type { Renderer, Sampler } from '../../engines/engine.ts';
import { rollAll } from '../../rollout/roll-groups.ts';
import type { Verifier } from '../../verifiers/verifier.ts';
import type { LabelledAttempt } from './labelled-attempt.ts';
import type { ScoredAttempt } from './scorer-quality.ts';

/** The policy to probe, and the problems. */
export interface ProbeParts {
  readonly engine: { readonly sampler: Pick<Sampler, 'sample' | 'info'>; readonly renderer: Renderer };
  readonly verifierFor: (problem: Problem) => Verifier;
  readonly problems: ReadonlyMap<string, Problem>;
}

/** Limits on the probing. */
export interface ProbeOptions {
  /** Maximum number of prefixes to probe. */
  readonly prefixes: number;
  /** Continuations per prefix, k. */
  readonly continuations: number;
  /** Maximum number of tokens in a continuation. */
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/** Training rows, and the cost of probing for them. */
export interface Probes {
  readonly rows: readonly LabelledAttempt[];
  readonly prefixes: number;
  /** Number of prefixes with both correct and wrong continuations. */
  readonly mixed: number;
  /** Number of judged continuations. */
  readonly continuations: number;
}

/** A prefix that is probed. */
interface Prefix {
  readonly attempt: ScoredAttempt;
  readonly place: number;
  readonly score: number;
}

/**
 * Draws k continuations of each of the prefixes whose values are most uncertain, and labels each prefix with the share
 * of correct ones (the soft labels of Math-Shepherd, 2312.08935): one row with the good label and one with the bad
 * label, whose weights are the two shares. Each attempt contributes at most one prefix, the position inside its answer
 * with the score nearest to 1/2.
 *
 * Skips attempts at problems that are not in `problems`, and attempts whose prompt differs from the problem's own.
 */
export async function probeValues(
  { engine, verifierFor, problems }: ProbeParts,
  attempts: readonly ScoredAttempt[],
  { prefixes: most, continuations, signal, ...sampling }: ProbeOptions,
): Promise<Probes> {
  const { renderer } = engine;
  const known = attempts.filter((attempt) => startsAtPrompt(attempt, problems, renderer));
  const prefixes = uncertainPrefixes(known, most);
  const starts = new Map<string, Start>();
  const probed = prefixes.map(({ attempt, place }, at) => {
    const tokens = attempt.tokens.slice(attempt.places[0], place);
    const id = `${attempt.problemId}|prefix ${at}`;
    starts.set(id, {
      kind: attempt.isCorrect ? 'correct' : 'incorrect',
      tokens,
      text: renderer.decode(tokens),
    });
    return { ...problems.get(attempt.problemId)!, id };
  });
  const request = { problems: probed, rollouts: continuations, starts, ...sampling };
  const groups = await rollAll({ engine, verifierFor }, request, signal);
  const labelled = groups.map(({ rollouts }, at) => {
    const judged = rollouts.filter(({ verdict }) => verdict.outcome !== 'ungradable');
    const right = judged.filter(({ verdict }) => verdict.outcome === 'correct').length;
    return { judged: judged.length, right, rows: softRows(prefixes[at]!, right, judged.length) };
  });
  return {
    rows: labelled.flatMap(({ rows }) => rows),
    prefixes: prefixes.length,
    mixed: labelled.filter(({ right, judged }) => right > 0 && right < judged).length,
    continuations: labelled.reduce((sum, { judged }) => sum + judged, 0),
  };
}

function startsAtPrompt(
  { problemId, tokens, places }: ScoredAttempt,
  problems: ProbeParts['problems'],
  renderer: Pick<Renderer, 'render'>,
): boolean {
  const problem = problems.get(problemId);
  if (problem === undefined) return false;
  const prompt = renderer.render(problem.prompt);
  return prompt.length === places[0] && prompt.every((token, at) => tokens[at] === token);
}

/**
 * Returns the most uncertain prefixes, at most one per attempt; ties are broken by hash, so that the order of the
 * attempts does not matter.
 */
function uncertainPrefixes(attempts: readonly ScoredAttempt[], most: number): Prefix[] {
  const distance = ({ score }: Prefix): number => Math.abs(score - 0.5);
  const keyOf = ({ attempt: { group, tokens }, place }: Prefix): number =>
    hashKey('uncertain prefix', group, place, tokens.join());
  return attempts
    .flatMap((attempt): Prefix[] => {
      // At the first position, nothing is written yet; at the last, the answer is complete.
      const inside = attempt.places
        .map((place, at) => ({ attempt, place, score: attempt.scores[at]! }))
        .slice(1, -1);
      return inside.toSorted((a, b) => distance(a) - distance(b)).slice(0, 1);
    })
    .toSorted((a, b) => distance(a) - distance(b) || keyOf(a) - keyOf(b))
    .slice(0, most);
}

function softRows({ attempt, place }: Prefix, right: number, judged: number): LabelledAttempt[] {
  const tokens = attempt.tokens.slice(0, place);
  return [true, false].flatMap((isCorrect) => {
    const weight = (isCorrect ? right : judged - right) / judged;
    if (!(weight > 0)) return [];
    const labelled = { places: [place], labels: [isCorrect], weights: [weight], likelihoods: undefined };
    return [{ ...attempt, ...labelled, tokens, isCorrect }];
  });
}
