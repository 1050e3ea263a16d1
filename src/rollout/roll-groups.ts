import { VerifierError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { type Arrivals, createArrivals } from '../core/async-queue.ts';
import type { Rollout, RolloutGroup } from '../core/rollout.ts';
import { lastAnswer } from '../core/transcript.ts';
import type { Verdict } from '../core/verdict.ts';
import { type Completion, completionsOf, type SampleRequest, type Sampler } from '../engines/engine.ts';
import { type Verifier, verifierLabel } from '../verifiers/verifier.ts';
import type { PendingWork } from './pending.ts';

/** Engine and verifiers of a rollout. */
export interface RolloutParts {
  readonly engine: { readonly sampler: Pick<Sampler, 'sample'> };
  readonly verifierFor: (problem: Problem) => Verifier;
  /** Tracks unfinished work by name, for a watchdog. */
  readonly pending?: PendingWork | undefined;
  /** Called with each attempt when it is judged, before its group is complete; not for missing completions. */
  readonly onRollout?: (rollout: Rollout) => void;
}

/** Problems to attempt, number of attempts, and sampling. Problem ids must be distinct: they key the random numbers. */
export interface RolloutRequest {
  readonly problems: readonly Problem[];
  /** Attempts per problem. */
  readonly rollouts: number;
  /** Index of the first attempt; default 0. */
  readonly firstIndex?: number;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly stop?: readonly string[];
  readonly seed: number;
}

/**
 * Samples and judges problems; yields each group when its last verdict is in, in any order. Verifies completions while
 * others still decode. A verifier that throws or a completion that is missing becomes a rollout with an `ungradable`
 * verdict, so one bad problem cannot end a run.
 *
 * @example
 * for await (const group of rollGroups({ engine, verifierFor }, { problems, rollouts: 8, maxTokens: 64, temperature: 1,
 * seed: 1 }))
 *   console.log(group.problem.id, group.rollouts.filter((rollout) => rollout.verdict.outcome === 'correct').length);
 */
export async function* rollGroups(
  parts: RolloutParts,
  request: RolloutRequest,
  signal?: AbortSignal,
): AsyncGenerator<RolloutGroup> {
  const { problems, rollouts, firstIndex = 0, ...sampling } = request;
  const prompts = problems.map(({ id, prompt }) => ({ key: id, prompt, count: rollouts, firstIndex }));
  const open = new Map(
    problems.map((problem) => [problem.id, { problem, judged: [] as Promise<Rollout>[] }]),
  );
  const closed = createArrivals<RolloutGroup>();
  const closing: Promise<void>[] = [];

  const judging = new Set<Promise<Rollout>>();
  try {
    for await (const completion of trackDecoding(parts, { prompts, ...sampling }, signal)) {
      const group = open.get(completion.key);
      if (group === undefined) continue;
      const verdict = judge(parts, group.problem, completion, signal)
        .then((rollout) => {
          parts.onRollout?.(rollout);
          return rollout;
        })
        .finally(() => judging.delete(verdict));
      judging.add(verdict);
      // An abort may end this function before it awaits the verdict.
      verdict.catch(() => {});
      group.judged.push(verdict);
      if (group.judged.length === rollouts) {
        open.delete(completion.key);
        closing.push(deliver(closed, closeGroup(parts, group.problem, group.judged, request)));
      }
      yield* closed.ready();
    }
  } catch (error) {
    // Still judge what was written before the failure; it may have been paid for.
    if (signal?.aborted !== true) await Promise.allSettled(judging);
    throw error;
  }
  signal?.throwIfAborted();
  for (const { problem, judged } of open.values())
    closing.push(deliver(closed, closeGroup(parts, problem, judged, request)));
  void Promise.all(closing).then(closed.end);
  yield* closed;
}

const deliver = <Value>(arrivals: Arrivals<Value>, promise: Promise<Value>): Promise<void> =>
  promise.then(arrivals.push, arrivals.fail);

/** Like `rollGroups`, collected in the order of the problems. */
export async function rollAll(
  parts: RolloutParts,
  request: RolloutRequest,
  signal?: AbortSignal,
  onGroup: (group: RolloutGroup) => void = () => {},
): Promise<RolloutGroup[]> {
  const byId = new Map<string, RolloutGroup>();
  for await (const group of rollGroups(parts, request, signal)) {
    byId.set(group.problem.id, group);
    onGroup(group);
  }
  return request.problems.map(({ id }) => byId.get(id)!);
}

async function* trackDecoding(
  { engine, pending }: RolloutParts,
  request: SampleRequest,
  signal: AbortSignal | undefined,
): AsyncGenerator<Completion> {
  const done = new Map(request.prompts.map(({ key }) => [key, pending?.begin(`decoding ${key}`)]));
  const left = new Map(request.prompts.map(({ key, count }) => [key, count]));
  try {
    for await (const completion of completionsOf(engine.sampler.sample(request, signal))) {
      const remaining = left.get(completion.key)! - 1;
      left.set(completion.key, remaining);
      if (remaining === 0) done.get(completion.key)?.();
      yield completion;
    }
  } finally {
    for (const end of done.values()) end?.();
  }
}

async function judge(
  { verifierFor, pending }: RolloutParts,
  problem: Problem,
  completion: Completion,
  signal: AbortSignal | undefined,
): Promise<Rollout> {
  const end = pending?.begin(`verifying ${problem.id} #${completion.index}`);
  const { index, transcript } = completion;
  const answer = lastAnswer(transcript);
  const verdict = await verdictOf(verifierFor(problem), problem, answer, signal).finally(end);
  return { problemId: problem.id, index, transcripts: [transcript], verdict };
}

async function verdictOf(
  verifier: Verifier,
  problem: Problem,
  text: string,
  signal: AbortSignal | undefined,
): Promise<Verdict> {
  try {
    return await verifier.verify(problem, text, signal);
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    const error = new VerifierError(`${verifier.name} failed on ${problem.id}: ${String(cause)}`, { cause });
    return {
      outcome: 'ungradable',
      score: 0,
      reason: error.message,
      verifier: verifierLabel(verifier),
    };
  }
}

/** Awaits the verdicts; missing completions become ungradable rollouts without a transcript. */
async function closeGroup(
  { verifierFor }: RolloutParts,
  problem: Problem,
  judged: readonly Promise<Rollout>[],
  { rollouts, firstIndex = 0 }: RolloutRequest,
): Promise<RolloutGroup> {
  const byIndex = new Map((await Promise.all(judged)).map((rollout) => [rollout.index, rollout]));
  const indices = Array.from({ length: rollouts }, (_, i) => firstIndex + i);
  return {
    problem,
    rollouts: indices.map((index) => byIndex.get(index) ?? lostRollout(problem, index, verifierFor(problem))),
  };
}

function lostRollout(problem: Problem, index: number, verifier: Verifier): Rollout {
  return {
    problemId: problem.id,
    index,
    transcripts: [],
    verdict: {
      outcome: 'ungradable',
      score: 0,
      reason: 'the engine ended without returning this completion',
      verifier: verifierLabel(verifier),
    },
  };
}
