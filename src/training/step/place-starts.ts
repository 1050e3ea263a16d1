import type { Problem } from '../../core/problem.ts';
import type { Start } from '../../core/transcript.ts';
import type { StartsConfig } from '../../curriculum/starts/create-starts.ts';
import type { StartChoice, Starts } from '../../curriculum/starts/starts.ts';
import type { Renderer } from '../../engines/engine.ts';
import type { ResolvedStage } from '../../recipe/resolve-stage.ts';
import type { RolloutParts } from '../../rollout/roll-groups.ts';
import { stepEnds } from '../../rollout/strategies/step-ends.ts';

/**
 * Converts the starts that a stage chooses for problems to tokens; starts at the prompt are absent. A start is shortened
 * until it is not a correct answer by itself, so that an empty continuation earns no reward. Rejects when aborted.
 */
export async function placeStarts(
  { engine, verifierFor }: Pick<RolloutParts, 'engine' | 'verifierFor'>,
  { starts, settings }: { readonly starts?: Starts; readonly settings: ResolvedStage },
  problems: readonly Problem[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Start> | undefined> {
  const config = settings.config.starts;
  if (starts === undefined || config === undefined) return undefined;
  const renderer = engine.renderer!;
  const choices = starts.choose(problems.map(({ id }) => id));
  const placed = await Promise.all(
    problems.map(async (problem, i) => {
      const tokens = tokensOf(choices[i]!, problem, config, renderer);
      const kept = await withoutAnswer(tokens, problem, { renderer, verifierFor, signal });
      return kept.length === 0 ? [] : [[problem.id, startOf(choices[i]!, kept, renderer)] as const];
    }),
  );
  return new Map(placed.flat());
}

const startOf = ({ kind }: StartChoice, tokens: Int32Array, renderer: Renderer): Start => ({
  kind: kind as Start['kind'],
  tokens,
  text: renderer.decode(tokens),
});

/** Returns the tokens of a start; an empty list for the prompt. */
function tokensOf(
  choice: StartChoice,
  { solution = '' }: Problem,
  config: StartsConfig,
  renderer: Renderer,
): Int32Array {
  switch (choice.kind) {
    case 'prompt':
      return new Int32Array();
    case 'solution': {
      const whole = renderer.encode(solution);
      const count = Math.min(Math.round(choice.share * whole.length), whole.length - 1);
      return wholeCharacters(whole.subarray(0, Math.max(0, count)), renderer);
    }
    case 'correct':
    case 'incorrect': {
      const { separator, mark } = config as Extract<StartsConfig, { type: 'restart' }>;
      const attempt = Int32Array.from(choice.attempt);
      const ends = stepEnds(attempt, 0, separator, renderer.decode);
      const kept = attempt.subarray(0, ends.at(-1 - choice.steps) ?? 0);
      return kept.length === 0 ? kept : Int32Array.of(...kept, ...(mark === '' ? [] : renderer.encode(mark)));
    }
  }
}

/** Drops trailing tokens that end inside a character. */
function wholeCharacters(tokens: Int32Array, renderer: Renderer): Int32Array {
  let kept = tokens;
  while (kept.length > 0 && renderer.decode(kept).endsWith('\uFFFD')) kept = kept.subarray(0, -1);
  return kept;
}

/** Halves a start until the verifier no longer accepts it as an answer. */
async function withoutAnswer(
  tokens: Int32Array,
  problem: Problem,
  {
    renderer,
    verifierFor,
    signal,
  }: Pick<RolloutParts, 'verifierFor'> & {
    readonly renderer: Renderer;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Int32Array> {
  let kept = tokens;
  while (kept.length > 0) {
    // A verifier that fails here also fails on the attempts, where the failure is recorded.
    const verdict = await verifierFor(problem)
      .verify(problem, renderer.decode(kept), signal)
      .catch(() => null);
    signal?.throwIfAborted();
    if (verdict?.outcome !== 'correct') return kept;
    kept = wholeCharacters(kept.subarray(0, kept.length >> 1), renderer);
  }
  return kept;
}
