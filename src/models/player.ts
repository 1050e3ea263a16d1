import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../core/errors.ts';
import type { Message } from '../core/problem.ts';
import type { Verdict } from '../core/verdict.ts';
import { type FinishReason, lastAnswer, type Transcript } from '../core/transcript.ts';
import type { Engine } from '../engines/engine.ts';
import type { RunRecipe } from '../recipe/read-run-recipe.ts';
import { requireTrust, type TrustOptions } from '../recipe/trust.ts';
import { commitsOf, readDataFile } from '../runs/files/data-file.ts';
import { runLayout } from '../runs/files/layout.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';
import { openVerifiers } from '../verifiers/open-verifiers.ts';
import { loadById } from '../problems/load-problems.ts';
import { runModelFolder } from './locate-folder.ts';
import { type Answered, ask, type Respondent, type TextPart, textOfTurns } from './ask.ts';
import { locateModel, type ModelSource, openModel } from './open-model.ts';
import { openRespondent } from './open-respondent.ts';
import { tokenPieces } from './token-pieces.ts';

/** A prompt for a model of a run. */
export interface Question {
  /** Step of the checkpoint to use; default: the exported model, or the newest checkpoint. */
  readonly step?: number | undefined;
  readonly messages: readonly Message[];
  /** A problem of the recipe whose verifier judges the answers. */
  readonly problem?: string | undefined;
  readonly count: number;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
}

/** A complete answer; entry t of each list refers to token t. */
export interface Answer {
  readonly type: 'completion';
  readonly index: number;
  readonly text: string;
  readonly finishReason: FinishReason;
  readonly tokens: number[];
  readonly logprobs: number[];
  readonly entropies: number[] | null;
  readonly pieces: readonly string[];
  /** Null if no problem was given or the environment failed. */
  readonly verdict: Verdict | null;
  /** Message of the environment's failure that ended the answer; null if it did not fail. */
  readonly failure: string | null;
}

type Judge = (transcript: Transcript) => Promise<Verdict | null>;

/**
 * Samples from the models of runs. Keeps the last model open for the next call; disposing closes it. Callers must make
 * one call at a time.
 */
export function createPlayer(trust: TrustOptions = {}) {
  let held: { readonly name: string; readonly engine: Engine } | undefined;
  const readPieces = tokenPieces();
  const close = async (): Promise<void> => {
    const { engine } = held ?? {};
    held = undefined;
    await engine?.[Symbol.asyncDispose]();
  };
  const engineFor = async (source: ModelSource): Promise<Engine> => {
    const name = JSON.stringify([source.folder, source.state]);
    if (held?.name === name) return held.engine;
    await close();
    const engine = await openModel(source);
    held = { name, engine };
    return engine;
  };
  return {
    models: modelsOf,
    async *answer(directory: string, question: Question, signal: AbortSignal) {
      const source = await sourceOf(directory, question.step, trust);
      await using opened = new AsyncDisposableStack();
      const asked = await problemOf(directory, source.stored, question.problem, { opened, ...trust });
      const engine = await engineFor(source);
      const turns = { domain: asked?.environment, closedBook: asked?.environment === undefined, ...trust };
      const respondent = await openRespondent(engine, directory, source.stored, turns, opened);
      const pieces = async (tokens: readonly number[]) => (await readPieces(directory, tokens)) ?? [];
      const judge = asked?.judge ?? (async () => null);
      yield* answers({ respondent, judge, pieces, question, signal });
    },
    [Symbol.asyncDispose]: close,
  };
}

/** Returns the exported model, then the checkpoints, newest first. */
async function modelsOf(directory: string): Promise<{ step: number | null; label: string }[]> {
  using run = await openRunReader(directory);
  const checkpoints = run
    .checkpoints()
    .toReversed()
    .map(({ step, isStageEnd }) => ({ step, label: `step ${step}${isStageEnd ? ', end of a stage' : ''}` }));
  const hasModel = existsSync(join(runLayout(directory).export, 'config.json'));
  return [...(hasModel ? [{ step: null, label: 'the finished model' }] : []), ...checkpoints];
}

async function sourceOf(
  directory: string,
  step: number | undefined,
  trust: TrustOptions,
): Promise<ModelSource> {
  const newest = await locateModel(directory, { isOffline: true, ...trust });
  if (step === undefined) return newest;
  using run = await openRunReader(directory);
  const state = run.checkpoints().findLast((checkpoint) => checkpoint.step === step)?.engineState;
  if (state === undefined)
    throw new DataError(
      `${directory}: expected a checkpoint of step ${step}, found none; it may have been deleted`,
    );
  const { recipe } = newest;
  return {
    ...newest,
    folder: await runModelFolder(directory, recipe!, { isOffline: true }),
    state,
    olderStates: [],
    run: run.summary().id,
  };
}

/** The problem that a question names: its verifier, and its domain if an environment answers the turns. */
interface AskedProblem {
  readonly judge: Judge;
  readonly environment: string | undefined;
}

async function problemOf(
  directory: string,
  stored: RunRecipe | undefined,
  id: string | undefined,
  { opened, trust }: TrustOptions & { readonly opened: AsyncDisposableStack },
): Promise<AskedProblem | undefined> {
  if (stored === undefined || id === undefined) return undefined;
  await requireTrust(directory, stored, ['problems', 'verifiers'], { trust });
  const { recipe } = stored;
  // Read the problems offline: answers to problems that are not in the cache cannot be judged.
  const commits = commitsOf(await readDataFile(directory));
  const problem = (await loadById(recipe, { commits, isOffline: true })).get(id);
  if (problem === undefined)
    throw new DataError(`expected a problem of the run's recipe, found none named ${JSON.stringify(id)}`);
  const verifier = openVerifiers(recipe, opened)(problem);
  const { domain } = problem;
  return {
    judge: (transcript) => verifier.verify(problem, lastAnswer(transcript), undefined, transcript),
    environment: recipe.environments[domain] === undefined ? undefined : domain,
  };
}

interface Asked {
  readonly respondent: Respondent;
  readonly judge: Judge;
  readonly pieces: (tokens: readonly number[]) => Promise<readonly string[]>;
  readonly question: Question;
  readonly signal: AbortSignal;
}

async function* answers({
  respondent,
  judge,
  pieces,
  question,
  signal,
}: Asked): AsyncGenerator<TextPart | Answer> {
  const { messages, problem: key = 'play', count, maxTokens, temperature, seed } = question;
  const options = { key, count, maxTokens, temperature, seed, parts: true };
  for await (const event of ask(respondent, messages, options, signal))
    yield event.type === 'part' ? event : await answerOf(event, judge, pieces);
}

async function answerOf(
  { index, transcript, failure }: Answered,
  judge: Judge,
  pieces: Asked['pieces'],
): Promise<Answer> {
  // Starts at the first written token; an answer in turns includes the environment's messages.
  const { start } = transcript.written[0]!;
  const { end, finishReason } = transcript.written.at(-1)!;
  const written = (values: Int32Array | Float32Array): number[] => Array.from(values.subarray(start, end));
  const tokens = written(transcript.tokens);
  return {
    type: 'completion',
    index,
    text: textOfTurns(transcript),
    finishReason,
    tokens,
    logprobs: written(transcript.logprobs),
    entropies: transcript.entropies === undefined ? null : written(transcript.entropies),
    pieces: await pieces(tokens),
    verdict: failure === undefined ? await judge(transcript) : null,
    failure: failure ?? null,
  };
}
