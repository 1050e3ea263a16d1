import { type Problem, promptsOf } from '../core/problem.ts';
import { lastAnswer } from '../core/transcript.ts';
import { completionsOf, type Engine } from '../engines/engine.ts';
import { rollAll } from '../rollout/roll-groups.ts';
import type { Verifier } from '../verifiers/verifier.ts';
import type { AnswerJournal } from './answer-journal.ts';
import {
  promptWith,
  questionIn,
  questionOf,
  type Rejection,
  rejections,
  rejectText,
  rewordingPrompt,
} from './check-wording.ts';

/** Settings of the wordings to write. */
export interface RewordSettings {
  /** Wordings to add to each problem. */
  readonly wordings: number;
  /** Wordings to ask for; the first that pass the checks are kept. */
  readonly attempts: number;
  /** Maximum attempts at solving a wording, which is kept once one reaches the gold. 0: keep it unsolved. */
  readonly solve: number;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
}

/** The model that writes and solves, the verifiers, and the answers on record. */
export interface RewordParts {
  readonly engine: Pick<Engine, 'sampler' | 'renderer'>;
  readonly verifierFor: (problem: Problem) => Verifier;
  readonly journal: Pick<AnswerJournal, 'get' | 'record'>;
}

/** A problem with its new wordings. */
export interface RewordedProblem {
  readonly problem: Problem;
  readonly added: number;
  readonly rejected: Readonly<Record<Rejection, number>>;
}

/**
 * Asks a model to reword problems. Keeps a wording if it has the same numbers, does not state the answer, and
 * the model's own answer to it is the gold, as far as the verifier can tell. Asks only for answers that are not on
 * record: a second call with the same journal sends no request.
 */
export async function rewordProblems(
  parts: RewordParts,
  problems: readonly Problem[],
  settings: RewordSettings,
  signal?: AbortSignal,
): Promise<RewordedProblem[]> {
  await writeWordings(parts, problems, settings, signal);
  const drafts = problems.map((problem) => checkDrafts(parts, problem, settings));
  for (let attempt = 0; attempt < settings.solve; attempt++) {
    const open = drafts
      .flatMap(({ candidates }) => candidates)
      .filter((one) => !isSolved(parts, one, settings));
    await solve(parts, open, attempt, settings, signal);
  }
  return drafts.map(({ problem, candidates, rejected }) => {
    const solved = candidates.filter((one) => settings.solve === 0 || isSolved(parts, one, settings));
    const added = solved.slice(0, settings.wordings).map(({ prompt }) => prompt);
    const wordings = [...(problem.wordings ?? []), ...added];
    return {
      problem: wordings.length === 0 ? problem : { ...problem, wordings },
      added: added.length,
      rejected: { ...rejected, unsolved: candidates.length - solved.length },
    };
  });
}

const writeKey = ({ id }: Problem, index: number): string => `write ${index} ${id}`;
const solveKey = ({ id }: Problem, attempt: number): string => `solve ${attempt} ${id}`;

/** Samples the wordings that are not on record. */
async function writeWordings(
  { engine, journal }: RewordParts,
  problems: readonly Problem[],
  { attempts, maxTokens, temperature, seed }: RewordSettings,
  signal: AbortSignal | undefined,
): Promise<void> {
  const byId = new Map(problems.map((problem) => [problem.id, problem]));
  const prompts = problems.flatMap((problem) =>
    Array.from({ length: attempts }, (_, firstIndex) => firstIndex)
      .filter((index) => journal.get(writeKey(problem, index)) === undefined)
      .map((firstIndex) => ({ key: problem.id, prompt: rewordingPrompt(problem), count: 1, firstIndex })),
  );
  if (prompts.length === 0) return;
  const request = { prompts, maxTokens, temperature, seed };
  for await (const { key, index, transcript } of completionsOf(engine.sampler.sample(request, signal))) {
    const isFinished = transcript.written.at(-1)?.finishReason === 'stop';
    journal.record(writeKey(byId.get(key)!, index), isFinished ? questionIn(lastAnswer(transcript)) : '');
  }
  signal?.throwIfAborted();
}

/** Wordings of a problem that pass the checks of their text, each as a problem with a distinct id. */
function checkDrafts({ journal }: RewordParts, problem: Problem, { attempts }: RewordSettings) {
  const rejected = Object.fromEntries(rejections.map((reason) => [reason, 0])) as Record<Rejection, number>;
  const known = promptsOf(problem).map(questionOf);
  const candidates: Problem[] = [];
  for (let index = 0; index < attempts; index++) {
    const question = journal.get(writeKey(problem, index)) ?? '';
    const reason = rejectText(question, problem, known);
    if (reason !== null) {
      rejected[reason]++;
      continue;
    }
    known.push(question);
    const prompt = promptWith(problem.prompt, question);
    candidates.push({ ...problem, id: `${problem.id}#wording-${index + 1}`, prompt });
  }
  return { problem, candidates, rejected };
}

function isSolved({ journal }: RewordParts, candidate: Problem, { solve: most }: RewordSettings): boolean {
  const attempts = Array.from({ length: most }, (_, attempt) => journal.get(solveKey(candidate, attempt)));
  return attempts.includes('correct');
}

/** Makes one more attempt at each candidate and records its outcome. */
async function solve(
  { journal, ...parts }: RewordParts,
  candidates: readonly Problem[],
  attempt: number,
  { maxTokens, temperature, seed }: RewordSettings,
  signal: AbortSignal | undefined,
): Promise<void> {
  const missing = candidates.filter((candidate) => journal.get(solveKey(candidate, attempt)) === undefined);
  if (missing.length === 0) return;
  const byId = new Map(missing.map((candidate) => [candidate.id, candidate]));
  const onRollout = ({ problemId, verdict }: { problemId: string; verdict: { outcome: string } }): void =>
    journal.record(solveKey(byId.get(problemId)!, attempt), verdict.outcome);
  const request = { problems: missing, rollouts: 1, firstIndex: attempt, maxTokens, temperature, seed };
  await rollAll({ ...parts, onRollout }, request, signal);
}
