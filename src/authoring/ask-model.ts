import type { Message, Problem } from '../core/problem.ts';
import { lastAnswer } from '../core/transcript.ts';
import { completionsOf, type Engine } from '../engines/engine.ts';
import { rollAll } from '../rollout/roll-groups.ts';
import type { Verifier } from '../verifiers/verifier.ts';
import type { AnswerJournal } from './answer-journal.ts';

/** The model that writes and solves texts, the verifiers, and the journal of answers. */
export interface AuthorParts {
  readonly engine: Pick<Engine, 'sampler' | 'renderer'>;
  readonly verifierFor: (problem: Problem) => Verifier;
  readonly journal: Pick<AnswerJournal, 'get' | 'record'>;
}

/** Settings for sampling and checking texts. */
export interface AuthorSettings {
  /** Number of texts to request per problem. */
  readonly attempts: number;
  /** Maximum number of attempts to solve a text. A text is kept if one attempt reaches the gold answer. 0: no check. */
  readonly solve: number;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
}

/** Builds the prompt about a problem, and extracts the text to keep from the answer. */
export interface Ask {
  readonly promptOf: (problem: Problem) => readonly Message[];
  readonly textIn: (answer: string) => string;
}

const writeKey = ({ id }: Problem, index: number): string => `write ${index} ${id}`;
const solveKey = ({ id }: Problem, attempt: number): string => `solve ${attempt} ${id}`;

/** Returns a recorded text; empty if it is missing or the answer was truncated. */
export const writtenText = (
  { journal }: Pick<AuthorParts, 'journal'>,
  problem: Problem,
  index: number,
): string => journal.get(writeKey(problem, index)) ?? '';

/** Returns a model's answer without its thinking, leading blank lines and trailing whitespace. */
export const withoutThinking = (answer: string): string =>
  answer
    .replace(/^[^]*<\/think>/, '')
    .replace(/^\s*\n/, '')
    .trimEnd();

/** Samples the texts that are not yet recorded, and records them. */
export async function askModel(
  { engine, journal }: AuthorParts,
  problems: readonly Problem[],
  { promptOf, textIn }: Ask,
  { attempts, maxTokens, temperature, seed }: AuthorSettings,
  signal: AbortSignal | undefined,
): Promise<void> {
  const byId = new Map(problems.map((problem) => [problem.id, problem]));
  const prompts = problems.flatMap((problem) =>
    Array.from({ length: attempts }, (_, firstIndex) => firstIndex)
      .filter((index) => journal.get(writeKey(problem, index)) === undefined)
      .map((firstIndex) => ({ key: problem.id, prompt: promptOf(problem), count: 1, firstIndex })),
  );
  if (prompts.length === 0) return;
  const request = { prompts, maxTokens, temperature, seed };
  for await (const { key, index, transcript } of completionsOf(engine.sampler.sample(request, signal))) {
    const isFinished = transcript.written.at(-1)?.finishReason === 'stop';
    journal.record(writeKey(byId.get(key)!, index), isFinished ? textIn(lastAnswer(transcript)) : '');
  }
  signal?.throwIfAborted();
}

/** Returns whether a recorded attempt solved the candidate. */
export function isSolved(
  { journal }: Pick<AuthorParts, 'journal'>,
  candidate: Problem,
  { solve }: Pick<AuthorSettings, 'solve'>,
): boolean {
  const attempts = Array.from({ length: solve }, (_, attempt) => journal.get(solveKey(candidate, attempt)));
  return attempts.includes('correct');
}

/** Attempts candidates until each is solved or has had `solve` attempts; records every outcome. */
export async function solveCandidates(
  { journal, ...parts }: AuthorParts,
  candidates: readonly Problem[],
  settings: AuthorSettings,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { maxTokens, temperature, seed } = settings;
  for (let attempt = 0; attempt < settings.solve; attempt++) {
    const missing = candidates
      .filter((candidate) => !isSolved({ journal }, candidate, settings))
      .filter((candidate) => journal.get(solveKey(candidate, attempt)) === undefined);
    if (missing.length === 0) continue;
    const byId = new Map(missing.map((candidate) => [candidate.id, candidate]));
    const onRollout = ({ problemId, verdict }: { problemId: string; verdict: { outcome: string } }): void =>
      journal.record(solveKey(byId.get(problemId)!, attempt), verdict.outcome);
    const request = { problems: missing, rollouts: 1, firstIndex: attempt, maxTokens, temperature, seed };
    await rollAll({ ...parts, onRollout }, request, signal);
  }
}
