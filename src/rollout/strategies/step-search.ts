import { ConfigError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';

import { extendTranscript, givenTranscript, writtenCount } from '../../core/transcript.ts';
import { type Completion, completionsOf, type Renderer, type SamplePrompt } from '../../engines/engine.ts';
import { scoreSteps, type StepScorer } from '../../verifiers/step-scorer.ts';
import {
  type Branch,
  byLastScore,
  cutOff,
  keepBest,
  type Path,
  planDepth,
  type SearchShape,
  type SearchState,
  type SearchStep,
} from './search-plan.ts';
import { stepEnds } from './step-ends.ts';
import type { Attempt, AttemptRequest, RolloutStrategy, StrategyParts } from './strategy.ts';

/** Options of a search apart from its shape. */
export interface SearchOptions {
  readonly scorer: StepScorer;
  /** Text that ends a step. */
  readonly separator: string;
  /** Maximum number of tokens in a step; a longer step is split there. Default: the limit for the answer. */
  readonly maxStepTokens?: number | undefined;
  /** Called once per problem when its search ends, before its attempts are yielded. */
  readonly onSearch?: ((record: SearchRecord) => void) | undefined;
}

/** The tree and the cost of one problem's search. */
export interface SearchRecord {
  readonly problemId: string;
  /** Number of tokens that the policy wrote, including pruned paths. */
  readonly written: number;
  /** Number of tokens that the scorer read. */
  readonly scored: number;
  /** Every step of the search tree, in the order in which the steps were written. */
  readonly steps: readonly SearchStep[];
  /** Path of each attempt, in the order of the attempts' indices. */
  readonly answers: readonly string[];
}

/**
 * Searches over steps, one depth at a time for all problems together. Every depth writes several candidates of the next
 * step of each kept path, scores them and keeps the best paths of each tree. A finished answer stays a candidate even
 * if better paths push it out; yields the best `rollouts` answers by last score. Random numbers are keyed by the path,
 * so results depend neither on batching nor on the other problems.
 *
 * `request.rollouts` is the budget, N answers. It limits tokens to what N independent answers could use: at most N ·
 * `maxTokens` written, including pruned paths, and at most N · (prompt + `maxTokens`) scored.
 */
export const stepSearch = (
  shapeOf: (answers: number) => SearchShape,
  options: SearchOptions,
): RolloutStrategy => ({
  async *roll(parts, problems, request, signal) {
    const renderer = requireRenderer(parts);
    const search: Search = { ...options, shape: shapeOf(request.rollouts), parts, renderer, request, signal };
    let open = problems.map((problem) => beginSearch(problem, renderer, request));
    for (let depth = 0; open.length > 0; depth++) {
      const end = parts.pending?.begin(`searching step ${depth + 1} of ${open.length} problems`);
      await searchDepth(search, open, depth).finally(end);
      for (const state of open) if (state.isOver) yield* attemptsOf(search, state);
      open = open.filter(({ isOver }) => !isOver);
    }
  },
});

interface Search extends SearchOptions {
  readonly shape: SearchShape;
  readonly parts: StrategyParts;
  readonly renderer: Renderer;
  readonly request: AttemptRequest;
  readonly signal: AbortSignal | undefined;
}

function beginSearch(
  problem: Problem,
  renderer: Renderer,
  { rollouts, maxTokens }: AttemptRequest,
): SearchState {
  const root = givenTranscript(problem.prompt, renderer.render(problem.prompt));
  const maxScored = rollouts * (root.tokens.length + maxTokens);
  const bounds = { maxWritten: rollouts * maxTokens, maxScored };
  const none = { kept: [], finished: [], nodes: [], written: 0, scored: 0 };
  return { problem, root, ...bounds, ...none, canScore: true, isOver: false };
}

async function searchDepth(search: Search, open: readonly SearchState[], depth: number): Promise<void> {
  const { shape, request, maxStepTokens = Infinity, signal } = search;
  const limits = { maxTokens: request.maxTokens, maxStepTokens, firstIndex: request.firstIndex ?? 0 };
  const plans = open.map((state) => planDepth(state, shape, depth, limits));
  const written = await writeBranches(search, plans.flat());
  signal?.throwIfAborted();
  await Promise.all(
    open.map(async (state, place) => {
      const children = plans[place]!.flatMap(({ key }) => written.get(key) ?? []);
      if (children.length === 0) return cutOff(state);
      keepBest(state, shape, await scoreChildren(search, state, children));
    }),
  );
}

/** Writes the branches: one call for all branches with the same limit; calls run concurrently. */
async function writeBranches(search: Search, branches: readonly Branch[]): Promise<Map<string, Path[]>> {
  const { parts, request, separator, signal } = search;
  const { temperature, topP, topK, stop = [], seed } = request;
  const settings = {
    temperature,
    seed,
    ...(topP !== undefined && { topP }),
    ...(topK !== undefined && { topK }),
  };
  const byKey = new Map(branches.map((branch) => [branch.key, branch]));
  const written = new Map<string, Path[]>(branches.map(({ key }) => [key, []]));
  const groups = Map.groupBy(branches, ({ maxTokens, isLast }) => `${maxTokens} ${isLast}`);
  const write = async (group: readonly Branch[]): Promise<void> => {
    const { maxTokens, isLast } = group[0]!;
    const sampling = { ...settings, maxTokens, stop: isLast ? stop : [...stop, separator] };
    const stream = parts.engine.sampler.sample({ prompts: group.map(promptOf), ...sampling }, signal);
    for await (const completion of completionsOf(stream))
      written.get(completion.key)?.push(grow(search, byKey.get(completion.key)!, completion));
  };
  await Promise.all(Array.from(groups.values(), write));
  // Completions arrive in any order: sort them by their number within the branch.
  for (const paths of written.values()) paths.sort((a, b) => childNumber(a) - childNumber(b));
  return written;
}

/**
 * Returns the prompt as plain tokens, so that the separator at its end does not end the next step at its first token.
 */
const promptOf = ({ key, from, count, firstIndex }: Branch): SamplePrompt => ({
  key,
  prompt: from.tokens,
  count,
  firstIndex,
});

const childNumber = ({ name }: Path): number => Number(name.slice(name.lastIndexOf('.') + 1));

/** Appends a completion to the path it extends. */
function grow(
  { renderer, shape, separator, request, parts }: Search,
  { from, parent, firstIndex, isLast }: Branch,
  { index, transcript: { tokens, logprobs, entropies, written } }: Completion,
): Path {
  const { start, end, policyVersion, finishReason } = written.at(-1)!;
  const own = tokens.subarray(start, end);
  const text = renderer.decode(own);
  const continuation = {
    tokens: own,
    logprobs: logprobs.subarray(start, end),
    entropies: entropies?.subarray(start, end),
    policyVersion,
    finishReason,
  };
  const transcript = extendTranscript(from, continuation, (some) => renderer.decode(some));
  const window = parts.engine.sampler.info.maxSequenceTokens ?? Infinity;
  const isFull = writtenCount(transcript) >= request.maxTokens || transcript.tokens.length >= window;
  const hasEnded =
    finishReason === 'error' ||
    (finishReason === 'stop' && (renderer.endTokens.includes(own.at(-1)!) || !text.includes(separator)));
  const child = index - firstIndex;
  return {
    name: parent === null ? String(child) : `${parent.name}.${child}`,
    tree: parent === null ? Math.floor(child / shape.width) : parent.tree,
    text,
    transcript,
    stepScores: parent?.stepScores ?? [],
    stepEnds: parent?.stepEnds ?? [],
    isFinished: isLast || isFull || hasEnded,
  };
}

/** Scores the new steps of each path in order, as long as the budget lasts. */
async function scoreChildren(
  { scorer, separator, renderer, signal }: Search,
  state: SearchState,
  children: readonly Path[],
): Promise<Path[]> {
  const jobs = children.map((path) => {
    const { tokens, written } = path.transcript;
    const from = written.at(-1)!.start;
    state.written += tokens.length - from;
    const ends = stepEnds(tokens, from, separator, (some) => renderer.decode(some));
    const isFirst = path.stepScores.length === 0;
    const cost = { none: 0, new: isFirst ? tokens.length : tokens.length - from, all: tokens.length };
    const isPaid = state.canScore && state.scored + cost[scorer.reads] <= state.maxScored;
    if (isPaid) state.scored += cost[scorer.reads];
    else state.canScore = false;
    return { path, ends, isPaid };
  });
  return Promise.all(
    jobs.map(async ({ path, ends, isPaid }) => {
      const scores = isPaid
        ? await scoreSteps(scorer, state.problem, path.transcript, ends, signal, path.stepEnds)
        : ends.map(() => null);
      const { stepScores, stepEnds: earlier } = path;
      return { ...path, stepScores: [...stepScores, ...scores], stepEnds: [...earlier, ...ends] };
    }),
  );
}

function attemptsOf({ request, onSearch }: Search, state: SearchState): Attempt[] {
  const { problem, finished, written, scored, nodes } = state;
  const { rollouts, firstIndex = 0 } = request;
  const best = new Set(byLastScore(finished).slice(0, rollouts));
  const answers = finished.filter((path) => best.has(path));
  const names = answers.map(({ name }) => name);
  onSearch?.({ problemId: problem.id, written, scored, steps: nodes, answers: names });
  return answers.map(({ transcript, stepScores }, place) => ({
    problem,
    index: firstIndex + place,
    transcripts: [transcript],
    stepScores,
  }));
}

function requireRenderer({ engine }: StrategyParts): Renderer {
  if (engine.renderer !== undefined) return engine.renderer;
  throw new ConfigError(
    `a search over steps continues from tokens, but "${engine.sampler.info.engine}" has no tokenizer; ` +
      'set "tokenizer" of the openai engine for a server that takes token prompts, or use majority()',
  );
}
