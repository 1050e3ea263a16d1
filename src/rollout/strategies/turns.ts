import { createArrivals } from '../../core/async/async-queue.ts';
import { ConfigError, EnvironmentError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import { givenTranscript, type Transcript, writtenCount } from '../../core/transcript.ts';
import { completionsOf, type Renderer, type SampleRequest } from '../../engines/engine.ts';
import type { CallTool, Environment, Opening } from '../../environments/environment.ts';
import type { Json } from '../../environments/tool.ts';
import { answerTurn, type AnsweredTurn, withinTime } from './answer-turn.ts';
import type { Attempt, AttemptRequest, RolloutStrategy, StrategyParts } from './strategy.ts';

/**
 * Writes attempts in turns: an environment answers each turn, and the policy continues from the same tokens. A
 * continuation starts as soon as its reply arrives, independently of the other attempts.
 *
 * A failure of the environment ends the attempt with `failure`. At the limit of tokens, turns or window, the last span
 * gets the finish reason `length`.
 *
 * @param call calls a tool, or reuses a recorded result of the same call.
 */
export const turns = (environment: Environment, call: CallTool): RolloutStrategy => ({
  async *roll(parts, problems, request, signal) {
    const stopped = new AbortController();
    const signals = signal === undefined ? [stopped.signal] : [stopped.signal, signal];
    const game: Game = { environment, call, parts, request, signal: AbortSignal.any(signals) };
    const attempts = createArrivals<Attempt>();
    playAll(game, requireRenderer(parts, environment), problems, attempts.push).then(
      attempts.end,
      attempts.fail,
    );
    try {
      yield* attempts;
    } finally {
      stopped.abort();
    }
  },
});

/** State shared by all attempts of one call. */
interface Game {
  readonly environment: Environment;
  readonly call: CallTool;
  readonly parts: StrategyParts;
  readonly request: AttemptRequest;
  readonly signal: AbortSignal;
}

/** An attempt between two turns. */
interface OpenAttempt {
  readonly problem: Problem;
  readonly index: number;
  readonly state: Json;
}

async function playAll(
  game: Game,
  renderer: Renderer,
  problems: readonly Problem[],
  finish: (attempt: Attempt) => void,
): Promise<void> {
  const { environment, parts, request, signal } = game;
  const { rollouts, firstIndex = 0 } = request;
  const states = new Map<string, { readonly problem: Problem; readonly state: Json }>();
  const prompts: SampleRequest['prompts'][number][] = [];
  const tools = environment.tools?.map((schema) => ({ type: 'function', function: schema }));
  const openings = await Promise.allSettled(problems.map((problem) => openingOf(game, problem)));
  signal.throwIfAborted();
  for (const [i, problem] of problems.entries()) {
    const opening = openings[i]!;
    try {
      if (opening.status === 'rejected') throw opening.reason;
      const { state, prompt = problem.prompt } = opening.value;
      const given = givenTranscript(prompt, renderer.render(prompt, tools));
      states.set(problem.id, { problem, state });
      prompts.push({ key: problem.id, prompt: given, count: rollouts, firstIndex });
    } catch (error) {
      const failure = `${environment.name} failed to start: ${String(error)}`;
      for (let at = 0; at < rollouts; at++)
        finish({ problem, index: firstIndex + at, transcripts: [], failure });
    }
  }
  const playing: Promise<void>[] = [];
  const ends = prompts.map(({ key }) => parts.pending?.begin(`decoding ${key}`));
  try {
    for await (const { key, index, transcript } of sample(game, prompts, request.maxTokens)) {
      const attempt = play(game, renderer, { ...states.get(key)!, index }, transcript).then(finish);
      // Prevent an unhandled rejection: a failing engine may end this loop before it awaits the attempt.
      attempt.catch(() => {});
      playing.push(attempt);
    }
  } finally {
    for (const end of ends) end?.();
  }
  signal.throwIfAborted();
  await Promise.all(playing);
}

const openingOf = ({ environment, request, signal }: Game, problem: Problem): Promise<Opening> =>
  withinTime(environment, 'start', signal, () =>
    environment.start(problem, hashKey(request.seed, 'environment', problem.id)),
  );

const sample = (
  { parts, environment, request, signal }: Game,
  prompts: SampleRequest['prompts'],
  maxTokens: number,
) => {
  const { temperature, topP, topK, stop = [], seed } = request;
  const sampling = { temperature, seed, stop: [...stop, ...environment.stop], isContinued: true };
  const limits = { ...(topP !== undefined && { topP }), ...(topK !== undefined && { topK }) };
  return completionsOf(parts.engine.sampler.sample({ prompts, maxTokens, ...sampling, ...limits }, signal));
};

/** Continues one attempt after its first turn until it ends. */
async function play(
  game: Game,
  renderer: Renderer,
  { problem, index, state }: OpenAttempt,
  first: Transcript,
): Promise<Attempt> {
  const { parts, request } = game;
  const attempt = (transcript: Transcript, failure?: string): Attempt => ({
    problem,
    index,
    transcripts: [transcript],
    ...(failure !== undefined && { failure }),
  });
  let open = { transcript: first, state };
  for (;;) {
    const { transcript } = open;
    if (transcript.written.at(-1)!.finishReason !== 'stop') return attempt(transcript);
    const name = `${problem.id} #${index}`;
    const end = parts.pending?.begin(`answering turn ${transcript.written.length} of ${name}`);
    let turn: AnsweredTurn;
    try {
      turn = await answerTurn(game, renderer, transcript, open.state);
    } catch (error) {
      game.signal.throwIfAborted();
      return attempt(transcript, failureOf(error, game.environment));
    } finally {
      end?.();
    }
    if (turn.isOver) return attempt(turn.transcript);
    const given = turn.transcript;
    const left = request.maxTokens - writtenCount(given);
    const next = await continueAttempt(
      game,
      { key: problem.id, prompt: given, count: 1, firstIndex: index },
      left,
      name,
    );
    if (next === null) return attempt(given, 'the engine ended without returning this continuation');
    open = { transcript: next, state: turn.state };
  }
}

async function continueAttempt(
  game: Game,
  prompt: SampleRequest['prompts'][number],
  maxTokens: number,
  name: string,
): Promise<Transcript | null> {
  const end = game.parts.pending?.begin(`decoding ${name}`);
  try {
    for await (const { transcript } of sample(game, [prompt], maxTokens)) return transcript;
    game.signal.throwIfAborted();
    return null;
  } finally {
    end?.();
  }
}

const failureOf = (error: unknown, { name }: Environment): string =>
  error instanceof EnvironmentError ? error.message : `${name} failed: ${String(error)}`;

function requireRenderer({ engine }: StrategyParts, { name }: Environment): Renderer {
  if (engine.renderer !== undefined) return engine.renderer;
  throw new ConfigError(
    `environment ${name}: expected an engine that continues from tokens, got "${engine.sampler.info.engine}" without a ` +
      'tokenizer; set "tokenizer" of the openai engine for a server that takes token prompts, or "closedBook: true"',
  );
}
