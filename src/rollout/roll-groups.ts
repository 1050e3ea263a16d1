import { VerifierError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { type Arrivals, createArrivals } from '../core/async/async-queue.ts';
import type { Rollout, RolloutGroup } from '../core/rollout.ts';
import { lastAnswer, type Transcript } from '../core/transcript.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Environments } from '../environments/environment.ts';
import { type Verifier, verifierLabel } from '../verifiers/verifier.ts';
import { spreadWordings } from './spread-wordings.ts';
import { independent } from './strategies/independent.ts';
import type { Attempt, AttemptRequest, StrategyParts } from './strategies/strategy.ts';
import { turns } from './strategies/turns.ts';

/** Engine, verifiers and environments for rollouts. */
export interface RolloutParts extends StrategyParts {
  readonly verifierFor: (problem: Problem) => Verifier;
  /** Environments that answer the policy's turns; without them, every attempt has one turn. */
  readonly environments?: Environments | undefined;
  /** Called with each attempt once it is judged, before its group is complete; not called for missing completions. */
  readonly onRollout?: (rollout: Rollout) => void;
}

/** Returns the parts, without environments if `closedBook`. Attempts without environments have one turn. */
export const withEnvironments = <Parts extends Pick<RolloutParts, 'environments'>>(
  parts: Parts,
  { closedBook = false }: { readonly closedBook?: boolean | undefined },
): Parts => (closedBook ? { ...parts, environments: undefined } : parts);

/** Problems to attempt, and how to attempt them. Their ids must be distinct, because random numbers are keyed by id. */
export interface RolloutRequest extends AttemptRequest {
  readonly problems: readonly Problem[];
  /** Number of wordings over which a problem's attempts are spread; default 1: its original prompt. */
  readonly wordings?: number;
}

/**
 * Samples and judges attempts at problems; yields each group once its last verdict has arrived, in any order.
 * Verifies completions while others are still decoding. A verifier that throws or a completion that is missing
 * becomes a rollout with an `ungradable` verdict, so one bad problem cannot end a run.
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
  const { problems, rollouts } = request;
  const open = new Map(
    problems.map((problem) => [problem.id, { problem, judged: [] as Promise<Rollout>[] }]),
  );
  const closed = createArrivals<RolloutGroup>();
  const closing: Promise<void>[] = [];

  const judging = new Set<Promise<Rollout>>();
  try {
    for await (const attempt of attemptsAt(parts, request, signal)) {
      const group = open.get(attempt.problem.id);
      if (group === undefined) continue;
      const verdict = judgeAttempt(parts, attempt, signal)
        .then((rollout) => {
          parts.onRollout?.(rollout);
          return rollout;
        })
        .finally(() => judging.delete(verdict));
      judging.add(verdict);
      // Prevent an unhandled rejection: an abort may end this function before it awaits the verdict.
      verdict.catch(() => {});
      group.judged.push(verdict);
      if (group.judged.length === rollouts) {
        open.delete(group.problem.id);
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

/** Like `rollGroups`, but returns all groups in the order of the problems. */
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

/**
 * Makes the attempts at a problem, spread over wordings if requested: in several turns if the problem's domain has an
 * environment, otherwise in one.
 */
function attemptsAt(
  parts: RolloutParts,
  { problems, wordings = 1, ...request }: RolloutRequest,
  signal: AbortSignal | undefined,
): AsyncIterable<Attempt> {
  const { environments } = parts;
  const byEnvironment = Map.groupBy(problems, (problem) => environments?.of(problem));
  const streams = Array.from(byEnvironment).flatMap(([environment, some]) => {
    const strategy = environment === undefined ? independent : turns(environment, environments!.call);
    return spreadWordings(some, request, wordings).map((part) =>
      strategy.roll(parts, part.problems, part.request, signal),
    );
  });
  return streams.length === 1 ? streams[0]! : merge(streams);
}

/** Yields the values of all streams as they arrive; the first failure ends all streams. */
async function* merge<Value>(streams: readonly AsyncIterable<Value>[]): AsyncGenerator<Value> {
  const arrivals = createArrivals<Value>();
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  const drain = async (iterator: AsyncIterator<Value>): Promise<void> => {
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
      arrivals.push(next.value);
  };
  Promise.all(iterators.map(drain)).then(arrivals.end, arrivals.fail);
  try {
    yield* arrivals;
  } finally {
    for (const iterator of iterators) void iterator.return?.();
  }
}

/** Judges one attempt; a verifier that throws makes it `ungradable`. */
export async function judgeAttempt(
  { verifierFor, pending }: Pick<RolloutParts, 'verifierFor' | 'pending'>,
  { problem, index, transcripts, stepScores, failure }: Attempt,
  signal: AbortSignal | undefined,
): Promise<Rollout> {
  const verifier = verifierFor(problem);
  const rolled = {
    problemId: problem.id,
    index,
    transcripts,
    ...(stepScores !== undefined && { stepScores }),
  };
  if (failure !== undefined) return { ...rolled, verdict: ungradable(verifier, failure) };
  const end = pending?.begin(`verifying ${problem.id} #${index}`);
  const verdict = await verdictOf(verifier, problem, transcripts.at(-1)!, signal).finally(end);
  return { ...rolled, verdict };
}

async function verdictOf(
  verifier: Verifier,
  problem: Problem,
  transcript: Transcript,
  signal: AbortSignal | undefined,
): Promise<Verdict> {
  try {
    return await verifier.verify(problem, lastAnswer(transcript), signal, transcript);
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    const error = new VerifierError(`${verifier.name} failed on ${problem.id}: ${String(cause)}`, { cause });
    return ungradable(verifier, error.message);
  }
}

const ungradable = (verifier: Verifier, reason: string): Verdict => ({
  outcome: 'ungradable',
  score: 0,
  reason,
  verifier: verifierLabel(verifier),
});

/** Awaits the verdicts of a group. Missing completions become ungradable rollouts without a transcript. */
async function closeGroup(
  { verifierFor }: RolloutParts,
  problem: Problem,
  judged: readonly Promise<Rollout>[],
  { rollouts, firstIndex = 0, starts }: RolloutRequest,
): Promise<RolloutGroup> {
  const byIndex = new Map((await Promise.all(judged)).map((rollout) => [rollout.index, rollout]));
  const indices = Array.from({ length: rollouts }, (_, i) => firstIndex + i);
  const start = starts?.get(problem.id);
  return {
    problem,
    ...(start !== undefined && { start }),
    rollouts: indices.map((index) => byIndex.get(index) ?? lostRollout(problem, index, verifierFor(problem))),
  };
}

const lostRollout = (problem: Problem, index: number, verifier: Verifier): Rollout => ({
  problemId: problem.id,
  index,
  transcripts: [],
  verdict: ungradable(verifier, 'the engine ended without returning this completion'),
});
