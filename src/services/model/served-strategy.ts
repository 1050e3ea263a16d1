import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import * as z from 'zod';
import { ConfigError, messageOf } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import { lastAnswer, type Transcript, writtenCount } from '../../core/transcript.ts';
import {
  type Completion,
  completionsOf,
  type LocalEngine,
  type Renderer,
  type SamplePrompt,
} from '../../engines/engine.ts';
import { parseConfig } from '../../recipe/parse-config.ts';
import {
  chosenIndex,
  combineScores,
  scoreRules,
  votedAnswer,
} from '../../rollout/strategies/choose-answer.ts';
import { type SearchRecord, stepSearch } from '../../rollout/strategies/step-search.ts';
import { searchShape, strategyConfig, strategyName } from '../../rollout/strategies/strategy-config.ts';
import { openScorer } from '../../scorers/open-scorer.ts';
import { scorerConfig } from '../../scorers/scorer-config.ts';
import { openVerifier, verifierConfig } from '../../verifiers/config.ts';
import type { StepScorer } from '../../verifiers/step-scorer.ts';
import type { Verifier } from '../../verifiers/verifier.ts';
import type { CompletionRequest } from './request.ts';

/** A strategy to serve: the number of answers written for each returned answer, and the rule that chooses it. */
const servedStrategyConfig = z.strictObject({
  strategy: strategyConfig,
  /** N: number of answers; a choice uses at most N · `max_tokens` tokens. */
  budget: z.int().positive(),
  /** Rule that combines the scores of an answer's steps. */
  scores: z.enum(scoreRules).default('last'),
  /** `max` chooses the answer with the highest score, `vote` the distinct answer with the largest sum of scores. */
  choose: z.enum(['max', 'vote']).default('max'),
  scorer: scorerConfig.optional(),
  /** Text that ends a step. */
  stepSeparator: z.string().min(1).default('\n\n'),
  /** Verifier whose normal form decides which answers are equal in a vote. */
  verifier: verifierConfig.prefault({ type: 'math' }),
});
type ServedStrategyConfig = z.output<typeof servedStrategyConfig>;

/** A returned completion and its cost. */
export interface ChosenCompletion extends Completion {
  /** Number of tokens written in all answers and pruned paths, and of tokens that the scorer read. */
  readonly spent: { readonly written: number; readonly scored: number };
}

/** A strategy with which a service answers requests. */
export interface ServedStrategy {
  readonly name: string;
  /** Number of answers written for each choice. */
  readonly budget: number;
  /** Yields one chosen completion per requested choice, in any order. */
  answer(request: CompletionRequest, signal: AbortSignal): AsyncIterable<ChosenCompletion>;
}

/**
 * Opens the strategy in a JSON file for an engine.
 *
 * @throws ConfigError if the file is invalid, a scorer is missing, or the scorer is the verifier, which needs a gold
 * answer that requests do not have.
 */
export async function openServedStrategy(
  file: string,
  engine: LocalEngine,
  opened: AsyncDisposableStack,
): Promise<ServedStrategy> {
  const config = parseConfig(servedStrategyConfig, await readJson(file), file);
  const { strategy, budget, scorer: chosen } = config;
  searchShape(strategy, budget);
  const name = `${strategyName(strategy)} N = ${budget}`;
  if (strategy.type === 'asked')
    throw new ConfigError(
      `${file}: expected a strategy that sends the messages unchanged, got asked(${strategy.way}), which adds prompts`,
      { tryNext: `add these prompts to the messages, and use the strategy { "type": "majority" }` },
    );
  if (strategy.type !== 'majority' && (chosen === undefined || chosen.type === 'verifier'))
    throw new ConfigError(
      `${file}: ${name} chooses by scores: expected a scorer of type confidence, model, pooling or completions, got ${chosen?.type ?? 'none'}`,
      { tryNext: 'gradus prm train <run> --out <folder>' },
    );
  const verifier = opened.use(openVerifier(config.verifier));
  const parts = { verifierFor: () => verifier, renderer: engine.renderer, baseDir: dirname(resolve(file)) };
  const scorer =
    strategy.type === 'majority' || chosen === undefined
      ? undefined
      : await openScorer(chosen, parts, opened);
  return {
    name,
    budget,
    answer: (request, signal) => answerAll({ engine, config, scorer, verifier }, request, signal),
  };
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new ConfigError(`${file}: expected a JSON file that contains a strategy (${messageOf(cause)})`, {
      cause,
    });
  }
}

interface Opened {
  readonly engine: LocalEngine;
  readonly config: ServedStrategyConfig;
  readonly scorer: StepScorer | undefined;
  readonly verifier: Verifier;
}

/**
 * Writes all choices concurrently, so that the engine's batch stays full; yields each choice when it ends. If one
 * fails, aborts the others.
 */
async function* answerAll(
  opened: Opened,
  request: CompletionRequest,
  signal: AbortSignal,
): AsyncGenerator<ChosenCompletion> {
  const ended = new AbortController();
  const whileAsked = AbortSignal.any([signal, ended.signal]);
  const running = new Map(
    request.prompts.flatMap((prompt) =>
      Array.from({ length: prompt.count }, (_, index) => {
        const id = `${prompt.key}|${index}`;
        const done = answerOne(opened, request, prompt, index, whileAsked).then((chosen) => ({ id, chosen }));
        return [id, done] as const;
      }),
    ),
  );
  try {
    while (running.size > 0) {
      const { id, chosen } = await Promise.race(running.values());
      running.delete(id);
      yield chosen;
    }
  } finally {
    ended.abort();
  }
}

/** An answer written by a strategy, and the scores of its steps. */
interface Written {
  readonly transcript: Transcript;
  readonly stepScores: readonly (number | null)[];
}

async function answerOne(
  { engine, config, scorer, verifier }: Opened,
  { sampling }: CompletionRequest,
  { key, prompt }: SamplePrompt & { readonly prompt: Int32Array },
  index: number,
  signal: AbortSignal,
): Promise<ChosenCompletion> {
  const { budget, strategy, scores, choose, stepSeparator } = config;
  const text = engine.renderer.decode(prompt);
  // The gold may be anything, because only the normal form of the judged answer is read.
  const problem: Problem = {
    id: key,
    domain: 'math',
    prompt: [{ role: 'user', content: text }],
    answer: '0',
    source: 'request',
  };
  const request = {
    ...sampling,
    temperature: sampling.temperature ?? 1,
    rollouts: budget,
    firstIndex: index * budget,
  };
  const written: Written[] = [];
  let spent: Pick<SearchRecord, 'written' | 'scored'> | undefined;
  if (scorer === undefined) {
    const prompts = [{ key, prompt, count: budget, firstIndex: request.firstIndex }];
    for await (const { transcript } of completionsOf(engine.sampler.sample({ prompts, ...sampling }, signal)))
      written.push({ transcript, stepScores: [] });
  } else {
    const search = stepSearch((answers) => searchShape(strategy, answers), {
      scorer,
      separator: stepSeparator,
      ...('width' in strategy && { maxStepTokens: strategy.maxStepTokens }),
      onSearch: (record) => {
        spent = record;
      },
    });
    const given = { sampler: engine.sampler, renderer: rendering(engine.renderer, prompt) };
    for await (const { transcripts, stepScores = [] } of search.roll(
      { engine: given },
      [problem],
      request,
      signal,
    ))
      written.push({ transcript: transcripts[0]!, stepScores });
  }
  signal.throwIfAborted();
  const formOf = async (answer: string): Promise<string | undefined> =>
    votedAnswer(await verifier.verify(problem, answer, signal), answer);
  const candidates = await Promise.all(
    written.map(async ({ transcript, stepScores }) => ({
      answer: await formOf(lastAnswer(transcript)),
      score: combineScores(stepScores, scores),
    })),
  );
  const best = chosenIndex(candidates, scorer === undefined ? 'majority' : choose);
  const own = written.reduce((sum, { transcript }) => sum + writtenCount(transcript), 0);
  return {
    type: 'completion',
    key,
    index,
    transcript: written[best]!.transcript,
    spent: { written: spent?.written ?? own, scored: spent?.scored ?? 0 },
  };
}

/** Returns a renderer for a request whose prompt is already rendered. */
const rendering = (renderer: Renderer, prompt: Int32Array): Renderer => ({
  endTokens: renderer.endTokens,
  unknownToken: renderer.unknownToken,
  render: () => prompt,
  append: (transcript, messages) => renderer.append(transcript, messages),
  encode: (text) => renderer.encode(text),
  encodeForeign: (text, ownTags) => renderer.encodeForeign(text, ownTags),
  decode: (tokens) => renderer.decode(tokens),
});
