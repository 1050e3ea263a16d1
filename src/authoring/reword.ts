import type { Problem } from '../core/problem.ts';
import { promptsOf } from '../core/problem.ts';
import {
  askModel,
  type AuthorParts,
  type AuthorSettings,
  isSolved,
  solveCandidates,
  writtenText,
} from './ask-model.ts';
import {
  promptWith,
  questionIn,
  questionOf,
  type Rejection,
  rejections,
  rejectText,
  rewordingPrompt,
} from './check-wording.ts';

/** Settings for writing wordings. A wording is kept once an attempt at it reaches the gold answer. */
export interface RewordSettings extends AuthorSettings {
  /** Number of wordings to add to each problem; the first that pass the checks are kept. */
  readonly wordings: number;
}

/** A problem with its new wordings. */
export interface RewordedProblem {
  readonly problem: Problem;
  readonly added: number;
  readonly rejected: Readonly<Record<Rejection, number>>;
}

/**
 * Asks a model to reword problems. Keeps a wording if it contains the same numbers and does not reveal the answer, and
 * if the verifier accepts one of the model's own answers to it. Requests only answers that are not recorded, so a
 * second call with the same journal sends no request.
 */
export async function rewordProblems(
  parts: AuthorParts,
  problems: readonly Problem[],
  settings: RewordSettings,
  signal?: AbortSignal,
): Promise<RewordedProblem[]> {
  await askModel(parts, problems, { promptOf: rewordingPrompt, textIn: questionIn }, settings, signal);
  const drafts = problems.map((problem) => checkDrafts(parts, problem, settings));
  await solveCandidates(
    parts,
    drafts.flatMap(({ candidates }) => candidates),
    settings,
    signal,
  );
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

/** Returns the wordings of a problem that pass the text checks, each as a problem with a distinct id. */
function checkDrafts(parts: AuthorParts, problem: Problem, { attempts }: RewordSettings) {
  const rejected = Object.fromEntries(rejections.map((reason) => [reason, 0])) as Record<Rejection, number>;
  const known = promptsOf(problem).map(questionOf);
  const candidates: Problem[] = [];
  for (let index = 0; index < attempts; index++) {
    const question = writtenText(parts, problem, index);
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
