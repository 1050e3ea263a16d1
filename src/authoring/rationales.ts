import type { Problem } from '../core/problem.ts';
import type { Outcome } from '../core/verdict.ts';
import {
  askModel,
  type AuthorParts,
  type AuthorSettings,
  isSolved,
  solveCandidates,
  withoutThinking,
  writtenText,
} from './ask-model.ts';
import { type Given, promptWithRationale, rationaleIn, teacherPrompt } from './rationale-text.ts';

/**
 * Settings for writing rationales. `solve` tests whether a reader of the rationale reaches the answer, as KARD's filter
 * does.
 */
export interface RationaleSettings extends AuthorSettings {
  /** Maximum number of rationales per problem; the first that pass the checks are kept. */
  readonly rationales: number;
  readonly given: Given;
  /** Template of the teacher's prompt, with `{question}` and `{answer}`. */
  readonly template: string;
}

/** Reasons to reject a rationale. `unsolved`: no attempt with it reached the gold answer. */
export const rationaleRejections = [
  'unfinished',
  'incorrect',
  'unparsed',
  'timeout',
  'ungradable',
  'empty',
  'same text',
  'unsolved',
] as const;
export type RationaleRejection = (typeof rationaleRejections)[number];

/** A teacher's worked answer to a problem. */
export interface Rationale {
  /** Index of the attempt, from 0. */
  readonly attempt: number;
  readonly completion: string;
  /** The completion without the sentences that name the answer. */
  readonly rationale: string;
}

/** A problem with the rationales that were kept. */
export interface ExplainedProblem {
  readonly problem: Problem;
  readonly rationales: readonly Rationale[];
  readonly rejected: Readonly<Record<RationaleRejection, number>>;
  /** Why the verifier could not judge an answer: the reason for the first such answer. */
  readonly ungradable?: string;
}

/** Prefix of the reason why an answer could not be judged. */
const ungradablePrefix = 'ungradable: ';

/**
 * Asks a teacher to explain the answers to problems. Keeps an explanation if the verifier judges its final answer
 * correct and, with `solve`, if the same model reaches the answer from it. Requests only answers that are not recorded:
 * a second call with the same journal sends no request.
 *
 * Source: KARD (arXiv 2305.18395), which gives the teacher the answer and keeps a rationale if a second model that
 * reads it chooses the correct option.
 */
export async function writeRationales(
  parts: AuthorParts,
  problems: readonly Problem[],
  settings: RationaleSettings,
  signal?: AbortSignal,
): Promise<ExplainedProblem[]> {
  const promptOf = (problem: Problem) => teacherPrompt(problem, settings.template);
  await askModel(parts, problems, { promptOf, textIn: withoutThinking }, settings, signal);
  const drafts = [];
  for (const problem of problems) drafts.push(await judgeDrafts(parts, problem, settings, signal));
  await solveCandidates(
    parts,
    drafts.flatMap(({ kept }) => kept.map(({ candidate }) => candidate)),
    settings,
    signal,
  );
  return drafts.map(({ kept, rejected, ...draft }) => {
    const solved = kept.filter(
      ({ candidate }) => settings.solve === 0 || isSolved(parts, candidate, settings),
    );
    return {
      ...draft,
      rationales: solved.slice(0, settings.rationales).map(({ candidate: _, ...one }) => one),
      rejected: { ...rejected, unsolved: kept.length - solved.length },
    };
  });
}

interface Draft extends Rationale {
  /** The problem with the rationale in its prompt. */
  readonly candidate: Problem;
}

/** Judges the recorded texts about a problem, and counts the rejected ones by reason. */
async function judgeDrafts(
  parts: AuthorParts,
  problem: Problem,
  { attempts }: RationaleSettings,
  signal: AbortSignal | undefined,
) {
  const rejected = Object.fromEntries(rationaleRejections.map((reason) => [reason, 0])) as Record<
    RationaleRejection,
    number
  >;
  const kept: Draft[] = [];
  let ungradable: string | undefined;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const completion = writtenText(parts, problem, attempt);
    const judged =
      completion === '' ? 'unfinished' : await outcomeOf(parts, problem, attempt, completion, signal);
    if (judged.startsWith(ungradablePrefix)) ungradable ??= judged.slice(ungradablePrefix.length);
    const rationale = rationaleIn(completion);
    const reason = reasonToReject(judged, rationale, kept);
    if (reason !== undefined) {
      rejected[reason]++;
      continue;
    }
    const id = `${problem.id}#rationale-${attempt + 1}`;
    const candidate = { ...problem, id, prompt: promptWithRationale(problem, rationale) };
    kept.push({ attempt, completion, rationale, candidate });
  }
  return { problem, kept, rejected, ...(ungradable !== undefined && { ungradable }) };
}

function reasonToReject(
  judged: string,
  rationale: string,
  kept: readonly Rationale[],
): RationaleRejection | undefined {
  if (judged.startsWith(ungradablePrefix)) return 'ungradable';
  if (judged !== 'correct') return judged as RationaleRejection;
  if (rationale === '') return 'empty';
  return kept.some((other) => other.rationale === rationale) ? 'same text' : undefined;
}

/** Returns the outcome of an answer: the recorded one, else the verifier's, which may be slow. */
async function outcomeOf(
  { verifierFor, journal }: AuthorParts,
  problem: Problem,
  attempt: number,
  completion: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const key = `judge ${attempt} ${problem.id}`;
  const known = journal.get(key);
  if (known !== undefined) return known;
  const judged = await judge(verifierFor, problem, completion, signal);
  // Do not record a failure of the verifier, because a retry may succeed.
  if (!judged.startsWith(ungradablePrefix)) journal.record(key, judged);
  return judged;
}

async function judge(
  verifierFor: AuthorParts['verifierFor'],
  problem: Problem,
  completion: string,
  signal: AbortSignal | undefined,
): Promise<Exclude<Outcome, 'ungradable'> | `${typeof ungradablePrefix}${string}`> {
  try {
    const { outcome, reason } = await verifierFor(problem).verify(problem, completion, signal);
    return outcome === 'ungradable' ? `${ungradablePrefix}${reason}` : outcome;
  } catch (error) {
    signal?.throwIfAborted();
    return `${ungradablePrefix}${(error as Error).message}`;
  }
}
