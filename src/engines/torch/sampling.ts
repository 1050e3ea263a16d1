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
import { stopLead } from '../requests/stop-lead.ts';
import { flattenTokens } from '../flatten-tokens.ts';

/** A finished completion and the policy version with which it began. */
export type Received = FinishedSequence & { readonly policyVersion: number };

/** Identifies a completion in a worker request: the position of its prompt, and its rollout index. */
export interface Place {
  readonly prompt: number;
  readonly index: number;
}

/** Assembles the completions of one job from parts, truncates them at stop strings, and tracks which are missing. */
export interface Collector {
  /**
   * Returns the request for every unfinished completion, from its start; `null`: all are finished. The random numbers
   * are the same as in the embedded engine, so a second worker samples the same tokens as the first.
   */
  ask(): Ask<'sample'> | null;
  /**
   * Adds a part of the reply to the last `ask`. Returns the completions that it finishes, those that the
   * worker should stop, and, if the job requests parts, new tokens of unfinished ones.
   */
  add(part: Part, tensors: Tensors): { finished: Received[]; stopped: Place[]; parts: SequencePart[] };
}

interface Draft {
  readonly tokens: number[];
  readonly logprobs: number[];
  readonly entropies: number[];
  /** Number of tokens already streamed as parts. */
  shown: number;
  isDone: boolean;
}

/** Creates a collector for one job. */
export function createCollector(job: SamplingJob, decode: (tokens: Int32Array) => string): Collector {
  const drafts = job.prompts.map(({ count }) => Array.from({ length: count }, newDraft));
  const hasStop = (tokens: Int32Array): boolean => {
    const text = decode(tokens);
    return job.stop.some((one) => text.includes(one));
  };
  const longest = Math.max(0, ...job.stop.map(({ length }) => length));
  const reach = job.stop.length === 0 ? 0 : tokensPerCharacter * (longest + 1);
  const endOf = stopFinder(reach, hasStop);
  const leads = job.prompts.map(({ tokens, openTurn }) =>
    Array.from(stopLead(tokens, openTurn, reach, hasStop)),
  );
  /** For each prompt of the last request, its index in the job. */
  let asked: readonly number[] = [];

  /**
   * Returns the tokens of a draft that have not been streamed, or null if there are none. A restarted worker writes the
   * earlier ones again.
   */
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
    throw new ProtocolError(`got a part of completion ${index} of prompt ${prompt}, which was not requested`);
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
          // Older workers send no entropies.
          if (entropies !== undefined) draft.entropies.push(entropies[t]!);
        }
        const lead = leads[place]!;
        const found = endOf([...lead, ...draft.tokens], lead.length + before);
        const end = found === null ? null : found - lead.length;
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

/** Returns the unfinished completions of a prompt, as prompts with consecutive indices. */
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
  isContinued,
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
      ...(isContinued && { isContinued: true as const }),
    },
    tensors: {
      tokens: flattenTokens(prompts.map(({ tokens }) => tokens)),
      randomKeys: Uint32Array.from(randomKeys),
    },
  };
}

/** Maximum number of tokens that one character may span, with a margin. */
const tokensPerCharacter = 4;

/**
 * Returns a function that finds the number of tokens after which the text first contains a stop string, given that the
 * first `before` tokens contain none; `null` if it contains none. Decodes again only the tokens in which a stop string
 * can start.
 */
function stopFinder(
  reach: number,
  hasStop: (tokens: Int32Array) => boolean,
): (tokens: readonly number[], before: number) => number | null {
  return (tokens, before) => {
    if (reach === 0) return null;
    const start = Math.max(0, before - reach);
    const isEnd = (end: number): boolean => hasStop(Int32Array.from(tokens.slice(start, end)));
    if (!isEnd(tokens.length)) return null;
    for (let end = before + 1; end < tokens.length; end++) if (isEnd(end)) return end;
    return tokens.length;
  };
}
