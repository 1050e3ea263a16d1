import { ConfigError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import type { Start } from '../../core/transcript.ts';
import type { StartsConfig } from '../../curriculum/starts/create-starts.ts';
import type { StartChoice, Starts } from '../../curriculum/starts/starts.ts';
import type { Engine, Renderer } from '../../engines/engine.ts';
import type { ResolvedStage } from '../../recipe/resolve-stage.ts';
import type { RolloutParts } from '../../rollout/roll-groups.ts';
import { stepEnds } from '../../rollout/strategies/step-ends.ts';

/** The engine that samples; `weights` is absent if it cannot score tokens. */
type StartEngine = RolloutParts['engine'] & Pick<Engine, 'weights'>;

/**
 * Converts the starts that a stage chooses for problems to tokens; omits starts at the prompt. Shortens a
 * start until it contains no correct answer, so that an empty continuation earns no reward. Rejects if aborted.
 */
export async function placeStarts(
  { engine, verifierFor }: Pick<RolloutParts, 'verifierFor'> & { readonly engine: StartEngine },
  { starts, settings }: { readonly starts?: Starts; readonly settings: ResolvedStage },
  problems: readonly Problem[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Start> | undefined> {
  const config = settings.config.starts;
  if (starts === undefined || config === undefined) return undefined;
  const renderer = engine.renderer!;
  const choices = starts.choose(problems.map(({ id }) => id));
  const logprobs = await solutionLogprobs(engine, problems, choices);
  const placed = await Promise.all(
    problems.map(async (problem, i) => {
      const tokens = tokensOf(choices[i]!, problem, config, { renderer, logprobs: logprobs.get(i) });
      const kept = await withoutAnswer(tokens, problem, { renderer, verifierFor, signal });
      return kept.length === 0 ? [] : [[problem.id, startOf(choices[i]!, kept, renderer)] as const];
    }),
  );
  return new Map(placed.flat());
}

const startOf = ({ kind }: StartChoice, tokens: Int32Array, renderer: Renderer): Start => ({
  kind: kind === 'likelihood' ? 'solution' : (kind as Start['kind']),
  tokens,
  text: renderer.decode(tokens),
});

/** Returns the tokens of a start; an empty list for a start at the prompt. */
function tokensOf(
  choice: StartChoice,
  { solution = '' }: Problem,
  config: StartsConfig,
  { renderer, logprobs }: { readonly renderer: Renderer; readonly logprobs: Float32Array | undefined },
): Int32Array {
  switch (choice.kind) {
    case 'prompt':
      return new Int32Array();
    case 'solution': {
      const whole = renderer.encode(solution);
      const count = Math.min(Math.round(choice.share * whole.length), whole.length - 1);
      return wholeCharacters(whole.subarray(0, Math.max(0, count)), renderer);
    }
    case 'likelihood': {
      const whole = renderer.encode(solution);
      const most = Math.min(Math.floor(choice.maxShare * whole.length), whole.length - 1);
      return wholeCharacters(whole.subarray(0, balancedCut(logprobs!, choice.correction, most)), renderer);
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

/**
 * For choices of kind `likelihood`, returns the log-probabilities of the solution's tokens after the prompt, by the
 * index of the choice. Costs one forward pass each.
 */
async function solutionLogprobs(
  { weights, renderer, sampler }: StartEngine,
  problems: readonly Problem[],
  choices: readonly StartChoice[],
): Promise<ReadonlyMap<number, Float32Array>> {
  const chosen = problems.flatMap(({ prompt, solution = '' }, i) => {
    if (choices[i]!.kind !== 'likelihood') return [];
    const given = renderer!.render(prompt);
    return [{ i, start: given.length, tokens: Int32Array.of(...given, ...renderer!.encode(solution)) }];
  });
  if (chosen.length === 0) return new Map();
  if (weights === undefined) {
    throw new ConfigError(
      `starts reveal: expected an engine with local weights for rule "likelihood", got "${sampler.info.engine}", which only samples; use rule "follow"`,
    );
  }
  const rows = await weights.logprobs({ sequences: chosen }, 'policy');
  return new Map(chosen.map(({ i, start }, at) => [i, rows[at]!.subarray(start)]));
}

/**
 * Returns the number of tokens, 0 to `most`, after which the probability of writing the rest is nearest 1/2
 * in log-odds.
 *
 * @param logprobs log-probability of each token of the solution, in nats.
 * @param correction added to the log-odds.
 */
function balancedCut(logprobs: Float32Array, correction: number, most: number): number {
  let [best, distance, rest] = [0, Infinity, 0];
  for (let cut = logprobs.length - 1; cut >= 0; cut--) {
    rest += logprobs[cut]!;
    // The log-odds of the probability exp(rest), capped because the log-odds of 1 are infinite.
    const own = Math.abs(rest - Math.log(-Math.expm1(Math.min(rest, -1e-9))) + correction);
    if (cut <= most && own < distance) [best, distance] = [cut, own];
  }
  return best;
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
    // Ignore a failing verifier here: it also fails on the attempts, where the failure is recorded.
    const verdict = await verifierFor(problem)
      .verify(problem, renderer.decode(kept), signal)
      .catch(() => null);
    signal?.throwIfAborted();
    if (verdict?.outcome !== 'correct') return kept;
    kept = wholeCharacters(kept.subarray(0, kept.length >> 1), renderer);
  }
  return kept;
}
