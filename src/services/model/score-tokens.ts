import { EngineError } from '../../core/errors.ts';
import { promptLength } from '../../core/transcript.ts';
import type { Completion, Renderer, TopLogprobs } from '../../engines/engine.ts';
import type { LocalEngine } from '../../engines/engine.ts';
import type { CompletionRequest } from './request.ts';

/** The log-probability of one token, with alternatives. */
export interface TokenScore {
  readonly token: number;
  /** The token's text; for a special token or a part of a character, `token_id:` and its id. */
  readonly name: string;
  /** Number of characters before the token. */
  readonly offset: number;
  /**
   * Natural log-probability under the full softmax at temperature 1, given all earlier tokens; `null` for the first
   * token of a prompt.
   */
  readonly logprob: number | null;
  /** The requested number of alternatives, most probable first. */
  readonly alternatives: readonly { readonly name: string; readonly logprob: number }[];
}

/**
 * Scores the tokens of completions, and with `echo` those of their prompts. This takes a second forward pass, because
 * log-probabilities from sampling are at the sampling temperature and have no alternatives.
 *
 * @throws EngineError `BAD_REQUEST` if the engine does not support alternatives.
 */
export async function scoreTokens(
  { weights, renderer }: LocalEngine,
  completions: readonly Completion[],
  { alternatives, isEchoed }: Pick<CompletionRequest, 'alternatives' | 'isEchoed'>,
): Promise<TokenScore[][]> {
  const count = alternatives ?? 0;
  if (count > 0 && weights.topLogprobs === undefined) {
    throw new EngineError(
      'logprobs: this engine does not support top log-probabilities; set "logprobs" to 0',
      {
        code: 'BAD_REQUEST',
      },
    );
  }
  const sequences = completions.map(({ transcript }) => ({ tokens: transcript.tokens }));
  const logprobs = await weights.logprobs({ sequences }, 'policy');
  const top = count === 0 ? undefined : await weights.topLogprobs?.({ sequences }, count);
  const nameOf = createNames(renderer);
  return completions.map(({ transcript }, i) => {
    const whole = transcript.tokens;
    const first = isEchoed ? 0 : promptLength(transcript);
    let offset = 0;
    return Array.from({ length: whole.length - first }, (_, j): TokenScore => {
      const t = first + j;
      const token = whole[t]!;
      const { name, length } = nameOf(token);
      const others = top === undefined ? [] : alternativesAt(top[i]!, t, whole.length);
      // Prefer the value from `topLogprobs`, so that the value of a greedy token exactly equals that of its
      // alternative.
      const logprob = others.find((other) => other.token === token)?.logprob ?? logprobs[i]![t]!;
      const score = {
        token,
        name,
        offset,
        logprob: t === 0 ? null : logprob,
        alternatives: others.map((other) => ({ name: nameOf(other.token).name, logprob: other.logprob })),
      };
      offset += length;
      return score;
    });
  });
}

function alternativesAt(
  { tokens, logprobs }: TopLogprobs,
  t: number,
  length: number,
): { readonly token: number; readonly logprob: number }[] {
  // If the vocabulary is small, there may be fewer alternatives than requested.
  const count = tokens.length / length;
  if (t === 0) return [];
  return Array.from({ length: count }, (_, i) => {
    const at = t * count + i;
    return { token: tokens[at]!, logprob: logprobs[at]! };
  });
}

interface Name {
  readonly name: string;
  /** Length of the token's text in characters. */
  readonly length: number;
}

/** Creates a function that names tokens and caches the names. */
function createNames(renderer: Renderer): (token: number) => Name {
  const known = new Map<number, Name>();
  return (token) => {
    const found = known.get(token) ?? lookUp(renderer, token);
    known.set(token, found);
    return found;
  };
}

function lookUp(renderer: Renderer, token: number): Name {
  const text = renderer.decode(Int32Array.of(token));
  const hasOwn = text !== '' && !text.includes('�');
  return { name: hasOwn ? text : `token_id:${token}`, length: text.length };
}
