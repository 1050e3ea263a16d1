import { hashKey } from '../../core/rng.ts';
import { ProtocolError } from '../../core/errors.ts';
import type {
  SamplingJob,
  SamplingPrompt,
  SequencePart,
  FinishedSequence,
} from '../requests/sampling-job.ts';
import type { Tensors } from '../../protocol/tensors.ts';
import type { Ask, Part } from './connection.ts';
import { flattenTokens } from '../requests/flatten-tokens.ts';

/** A finished completion and the policy that began it. */
export type Received = FinishedSequence & { readonly policyVersion: number };

/** A completion as the worker is told of it: the place in the prompts of the request, and its index. */
export interface Place {
  readonly prompt: number;
  readonly index: number;
}

/** Puts the completions of one job together from parts, ends them where a stop string ends, and knows what is missing. */
export interface Collector {
  /**
   * What to ask a worker for: every completion that is not finished, from its start. `null`: nothing is missing. The random
   * numbers are those of the embedded engine, so what a second worker writes is what the first would have.
   */
  ask(): Ask<'sample'> | null;
  /**
   * Adds a part of the reply to the last `ask`: what it finishes, which completions the worker need not continue, and
   * where the job wants parts, new tokens of those that are not finished.
   */
  add(part: Part, tensors: Tensors): { finished: Received[]; stopped: Place[]; parts: SequencePart[] };
}

interface Draft {
  readonly tokens: number[];
  readonly logprobs: number[];
  readonly entropies: number[];
  /** Tokens streamed as parts. */
  shown: number;
  isDone: boolean;
}

/** A collector for one job. */
export function createCollector(job: SamplingJob, decode: (tokens: Int32Array) => string): Collector {
  const drafts = job.prompts.map(({ count }) => Array.from({ length: count }, newDraft));
  const endOf = stopFinder(job.stop, decode);
  /** The place in the job of each prompt of the last request. */
  let asked: readonly number[] = [];

  /** Tokens not yet streamed of a draft; a restarted worker writes the same ones again. */
  const shown = (draft: Draft, prompt: number, index: number): SequencePart | null => {
    if (!job.parts || draft.tokens.length <= draft.shown) return null;
    const tokens = Int32Array.from(draft.tokens.slice(draft.shown));
    draft.shown = draft.tokens.length;
    return { prompt, index, tokens };
  };

  const draftOf = ({ prompt, index }: Place): { draft: Draft; place: number } => {
    const place = asked[prompt] ?? -1;
    const draft = drafts[place]?.[index - job.prompts[place]!.firstIndex];
    if (draft !== undefined) return { draft, place };
    throw new ProtocolError(`a part of completion ${index} of prompt ${prompt}, which was not asked for`);
  };

  return {
    ask: () => {
      const missing = job.prompts.flatMap((prompt, place) =>
        missingRuns(prompt, drafts[place]!).map((run) => ({ place, run })),
      );
      for (const draft of drafts.flat()) if (!draft.isDone) clear(draft);
      asked = missing.map(({ place }) => place);
      return missing.length === 0 ? null : sampleAsk({ ...job, prompts: missing.map(({ run }) => run) });
    },
    add: ({ sequences }, { tokens, logprobs, entropies }) => {
      const total = sequences.reduce((sum, { count }) => sum + count, 0);
      if (!(tokens instanceof Int32Array && logprobs instanceof Float32Array && tokens.length === total))
        throw new ProtocolError(`expected a part with ${total} i32 tokens and f32 logprobs`);
      const finished: Received[] = [];
      const stopped: Place[] = [];
      const parts: SequencePart[] = [];
      let at = 0;
      for (const { prompt, index, count, finishReason, policyVersionStart: policyVersion } of sequences) {
        const { draft, place } = draftOf({ prompt, index });
        const from = at;
        at += count;
        if (draft.isDone) continue;
        const before = draft.tokens.length;
        for (let t = from; t < at; t++) {
          draft.tokens.push(tokens[t]!);
          draft.logprobs.push(logprobs[t]!);
          // Workers that are older than entropies say none.
          if (entropies !== undefined) draft.entropies.push(entropies[t]!);
        }
        const end = endOf(draft.tokens, before);
        if (end === null && finishReason === null) {
          const part = shown(draft, place, index);
          if (part !== null) parts.push(part);
          continue;
        }
        draft.isDone = true;
        if (finishReason === null) stopped.push({ prompt, index });
        finished.push({
          prompt: place,
          index,
          tokens: Int32Array.from(draft.tokens.slice(0, end ?? undefined)),
          logprobs: Float32Array.from(draft.logprobs.slice(0, end ?? undefined)),
          ...(draft.entropies.length > 0 && {
            entropies: Float32Array.from(draft.entropies.slice(0, end ?? undefined)),
          }),
          finishReason: end === null ? finishReason! : 'stop',
          policyVersion,
        });
        clear(draft);
      }
      return { finished, stopped, parts };
    },
  };
}

const newDraft = (): Draft => ({ tokens: [], logprobs: [], entropies: [], shown: 0, isDone: false });

function clear(draft: Draft): void {
  draft.tokens.length = draft.logprobs.length = draft.entropies.length = 0;
}

/** The completions of a prompt that are not done, as prompts with neighbouring indices. */
function missingRuns(prompt: SamplingPrompt, drafts: readonly Draft[]): SamplingPrompt[] {
  const runs: SamplingPrompt[] = [];
  for (const [i, { isDone }] of drafts.entries()) {
    if (isDone) continue;
    const index = prompt.firstIndex + i;
    const last = runs.at(-1);
    if (last !== undefined && last.firstIndex + last.count === index)
      runs[runs.length - 1] = { ...last, count: last.count + 1 };
    else runs.push({ ...prompt, firstIndex: index, count: 1 });
  }
  return runs;
}

function sampleAsk({
  prompts,
  maxTokens,
  temperature,
  topP,
  topK,
  stop,
  seed,
  parts,
}: SamplingJob): Ask<'sample'> {
  const randomKeys = prompts.flatMap(({ key, firstIndex, count }) =>
    Array.from({ length: count }, (_, i) => hashKey(seed, key, firstIndex + i)),
  );
  return {
    fields: {
      prompts: prompts.map(({ tokens, firstIndex, firstPosition, count }) => ({
        length: tokens.length,
        firstIndex,
        ...(firstPosition > 0 && { firstPosition }),
        count,
      })),
      maxTokens,
      temperature,
      topP,
      topK,
      stream: stop.length > 0 || parts,
    },
    tensors: {
      tokens: flattenTokens(prompts.map(({ tokens }) => tokens)),
      randomKeys: Uint32Array.from(randomKeys),
    },
  };
}

/** How many tokens the writing of one character may be spread over, with room to spare. */
const tokensPerCharacter = 4;

/**
 * Finds how many tokens there are up to the first at which the text holds a stop string, given that it did not within the
 * first `before`; `null` without one. Only as many of those are read again as a stop string could begin in.
 */
function stopFinder(
  stop: readonly string[],
  decode: (tokens: Int32Array) => string,
): (tokens: readonly number[], before: number) => number | null {
  const longest = Math.max(0, ...stop.map(({ length }) => length));
  return (tokens, before) => {
    if (stop.length === 0) return null;
    const start = Math.max(0, before - tokensPerCharacter * (longest + 1));
    const hasStop = (end: number): boolean => {
      const text = decode(Int32Array.from(tokens.slice(start, end)));
      return stop.some((one) => text.includes(one));
    };
    if (!hasStop(tokens.length)) return null;
    for (let end = before + 1; end < tokens.length; end++) if (hasStop(end)) return end;
    return tokens.length;
  };
}
