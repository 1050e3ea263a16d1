import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../core/errors.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Completion, Engine } from '../engines/engine.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { commitsOf, readDataFile } from '../runs/files/data-file.ts';
import { runLayout } from '../runs/files/layout.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';
import { openVerifiers } from '../verifiers/open-verifiers.ts';
import { loadById } from '../problems/load-problems.ts';
import { runModelFolder } from './locate-folder.ts';
import { locateModel, type ModelSource, openModel } from './open-model.ts';
import { tokenPieces } from './token-pieces.ts';

/** A question to a model of a run. */
export interface Question {
  /** A checkpoint's step; absent: the exported model, or the newest checkpoint. */
  readonly step?: number | undefined;
  readonly messages: readonly { readonly role: 'system' | 'user' | 'assistant'; readonly content: string }[];
  /** A problem of the recipe whose verifier judges the answers. */
  readonly problem?: string | undefined;
  readonly count: number;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
}

/** What has been written since the last part. */
export interface AnswerPart {
  readonly type: 'part';
  readonly index: number;
  readonly text: string;
}

/** A whole answer; index t of the lists speaks of token t. */
export interface Answer extends Pick<Completion, 'index' | 'text' | 'finishReason'> {
  readonly type: 'completion';
  readonly tokens: number[];
  readonly logprobs: number[];
  readonly entropies: number[] | null;
  readonly pieces: readonly string[];
  /** Null without a problem. */
  readonly verdict: Verdict | null;
}

type Judge = (text: string) => Promise<Verdict | null>;

/**
 * Asks the models of runs. The last one asked stays open, for the next question is usually to it too; disposing closes
 * it. One question at a time is the caller's business.
 */
export function createPlayer() {
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
      const source = await sourceOf(directory, question.step);
      await using opened = new AsyncDisposableStack();
      const judge = await judgeFor(directory, source.recipe, question.problem, opened);
      const engine = await engineFor(source);
      const pieces = async (tokens: readonly number[]) => (await readPieces(directory, tokens)) ?? [];
      yield* answers({ engine, judge, pieces, question, signal });
    },
    [Symbol.asyncDispose]: close,
  };
}

/** The exported model, then the checkpoints, newest first. */
async function modelsOf(directory: string): Promise<{ step: number | null; label: string }[]> {
  using run = await openRunReader(directory);
  const checkpoints = run
    .checkpoints()
    .toReversed()
    .map(({ step, isStageEnd }) => ({ step, label: `step ${step}${isStageEnd ? ', end of a stage' : ''}` }));
  const hasModel = existsSync(join(runLayout(directory).export, 'config.json'));
  return [...(hasModel ? [{ step: null, label: 'the finished model' }] : []), ...checkpoints];
}

async function sourceOf(directory: string, step: number | undefined): Promise<ModelSource> {
  const newest = await locateModel(directory, { isOffline: true });
  if (step === undefined) return newest;
  using run = await openRunReader(directory);
  const state = run.checkpoints().findLast((checkpoint) => checkpoint.step === step)?.engineState;
  if (state === undefined)
    throw new DataError(
      `${directory}: expected a checkpoint of step ${step}, found none; it may have been dropped since`,
    );
  const { recipe } = newest;
  return {
    ...newest,
    folder: await runModelFolder(directory, recipe!, { isOffline: true }),
    state,
    run: run.summary().id,
  };
}

async function judgeFor(
  directory: string,
  recipe: Recipe | undefined,
  id: string | undefined,
  opened: AsyncDisposableStack,
): Promise<Judge> {
  if (recipe === undefined || id === undefined) return async () => null;
  // A viewer asks no hub: what the run was given is in the cache, or cannot be judged.
  const commits = commitsOf(await readDataFile(directory));
  const problem = (await loadById(recipe, { commits, isOffline: true })).get(id);
  if (problem === undefined)
    throw new DataError(`expected a problem of the run's recipe, found none named ${JSON.stringify(id)}`);
  const verifier = openVerifiers(recipe, opened)(problem);
  return (text) => verifier.verify(problem, text);
}

interface Asked {
  readonly engine: Engine;
  readonly judge: Judge;
  readonly pieces: (tokens: readonly number[]) => Promise<readonly string[]>;
  readonly question: Question;
  readonly signal: AbortSignal;
}

/** What the engine calls back with and what it yields, in the order they come. */
async function* answers({
  engine,
  judge,
  pieces,
  question,
  signal,
}: Asked): AsyncGenerator<AnswerPart | Answer> {
  const { messages, count, problem = 'play', maxTokens, temperature, seed } = question;
  const written = new Map<number, number[]>();
  const told = new Map<number, number>();
  const events = new ReadableStream<AnswerPart | Answer>({
    start: async (controller) => {
      const onPart = ({ index, tokens }: { index: number; tokens: Int32Array }): void => {
        const all = [...(written.get(index) ?? []), ...tokens];
        written.set(index, all);
        const text = engine.decode(Int32Array.from(all)).replace(/\uFFFD+$/u, '');
        controller.enqueue({ type: 'part', index, text: text.slice(told.get(index) ?? 0) });
        told.set(index, text.length);
      };
      const prompts = [{ key: problem, prompt: messages, count }];
      try {
        for await (const completion of engine.sample(
          { prompts, maxTokens, temperature, seed, onPart },
          signal,
        ))
          controller.enqueue(await answerOf(completion, judge, pieces));
        controller.close();
      } catch (error) {
        controller.error(error);
      }
    },
  });
  yield* events;
}

async function answerOf(
  { index, text, finishReason, tokens, rolloutLogprobs, rolloutEntropies }: Completion,
  judge: Judge,
  pieces: Asked['pieces'],
): Promise<Answer> {
  const ids = Array.from(tokens);
  return {
    type: 'completion',
    index,
    text,
    finishReason,
    tokens: ids,
    logprobs: Array.from(rolloutLogprobs),
    entropies: rolloutEntropies === undefined ? null : Array.from(rolloutEntropies),
    pieces: await pieces(ids),
    verdict: await judge(text),
  };
}
