import { hashKey, uniformAt } from '../../core/rng.ts';
import type { FinishReason } from '../../core/rollout.ts';
import type { ModelConfig } from '../model-files/model-config.ts';
import { type ChoiceSettings, createTokenChooser, type TokenChooser } from './choose-token.ts';
import type { DecodeWeights } from './decode-weights.ts';
import type { Decoder, ReadPrompts } from './decoder.ts';
import { bytesPerPosition, KeyValueCache } from './key-value-cache.ts';

/** A prompt as it reaches a sampler: plain data. */
export interface SamplingPrompt {
  /** Names the prompt for the random numbers. */
  readonly key: string;
  readonly tokens: Int32Array;
  readonly firstIndex: number;
  readonly count: number;
}

/** What a sampler is asked; as in `SampleRequest`, with every default filled in. */
export interface SamplingJob extends ChoiceSettings {
  readonly prompts: readonly SamplingPrompt[];
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly seed: number;
}

/** A finished completion; `prompt` is the place in the job's prompts. */
export interface Written {
  readonly prompt: number;
  readonly index: number;
  readonly tokens: Int32Array;
  readonly logprobs: Float32Array;
  readonly finishReason: FinishReason;
}

export interface SamplerOptions {
  readonly config: ModelConfig;
  readonly decoder: Decoder;
  /** Sequences written at a time, where memory allows. */
  readonly slots: number;
  /** For keys and values; at least one sequence is always written. */
  readonly cacheBytes: number;
  /** Longest prompt + completion. */
  readonly maxSequenceTokens: number;
  readonly endTokens: readonly number[];
  /** True when the text of these tokens contains a stop string; asked after every token of a job that has some. */
  readonly endsWithStop: (tokens: Int32Array, stop: readonly string[]) => boolean;
}

/** Writes completions. One job at a time. */
export interface Sampler {
  /**
   * Runs a job with continuous batching: a row that ends is given to the next sequence at once, and prompts are read
   * once per group. What ended in a step is handed to `emit` before the next step. Stops early when `isAborted`.
   */
  run(
    job: SamplingJob,
    weights: DecodeWeights,
    emit: (finished: Written[]) => void,
    isAborted: () => boolean,
  ): Promise<void>;
}

/** Positions of prompts read at a time, padding included: bounds the memory of reading. */
const readPositions = 2048;

/** A sampler. Rows are refilled in the order of the job, which changes no bit of what is written. */
export function createSampler(options: SamplerOptions): Sampler {
  const { config, decoder } = options;
  return {
    run: async (job, weights, emit, isAborted) => {
      const slots = slotsFor(job, options);
      const cache = new KeyValueCache(config, slots);
      const tokens = new Int32Array(slots);
      const chooser = createTokenChooser(config.vocabSize, job);
      const queue = createQueue(job, (prompts) => decoder.read(weights, prompts));
      const drafts: Draft[] = [];
      let finished: Written[] = [];

      /** Adds the next token to a draft; false when that ended it. */
      const extend = (draft: Draft, logits: Float32Array, row: number): boolean => {
        const reason = draft.add(chooser, logits, row * config.vocabSize, options, job);
        if (reason !== null) finished.push(draft.finish(reason));
        return reason === null;
      };

      /** Starts sequences until one lasts longer than its first token, and gives that one the row. */
      const refill = async (row: number): Promise<boolean> => {
        for (let next = await queue(); next !== null; next = await queue()) {
          const draft = new Draft(job, next.prompt, next.index, options.maxSequenceTokens);
          if (!extend(draft, next.read.logits, next.row)) continue;
          const length = job.prompts[next.prompt]!.tokens.length;
          cache.reserve(length + 1, drafts.length);
          cache.start(row, next.read.keyValues, next.row, next.read.stride, length);
          drafts[row] = draft;
          return true;
        }
        return false;
      };

      while (drafts.length < slots && (await refill(drafts.length)));
      while (drafts.length > 0 && !isAborted()) {
        for (const [row, draft] of drafts.entries()) tokens[row] = draft.lastToken;
        const logits = await decoder.step(weights, cache, tokens, drafts.length);
        const ended = drafts.map((draft, row) => !extend(draft, logits, row));
        // From the last row down, so that the row moved into a gap is always one that goes on.
        for (let row = ended.length - 1; row >= 0; row--) {
          if (ended[row] !== true || (await refill(row))) continue;
          const moved = drafts.pop()!;
          if (row === drafts.length) continue;
          cache.move(drafts.length, row);
          drafts[row] = moved;
        }
        if (finished.length > 0) emit(finished);
        finished = [];
      }
      if (finished.length > 0) emit(finished);
    },
  };
}

/** As many as asked for and of use, if that many of the longest possible sequences fit the memory. */
function slotsFor({ prompts, maxTokens }: SamplingJob, options: SamplerOptions): number {
  const { config, slots, cacheBytes, maxSequenceTokens } = options;
  const longestPrompt = prompts.reduce((longest, { tokens }) => Math.max(longest, tokens.length), 0);
  const positions = Math.min(longestPrompt + maxTokens, maxSequenceTokens);
  const fitting = Math.floor(cacheBytes / (positions * bytesPerPosition(config)));
  const useful = prompts.reduce((sum, { count }) => sum + count, 0);
  return Math.max(1, Math.min(slots, fitting, useful));
}

/** The next sequence to write, and where its prompt has been read. */
interface Next {
  readonly prompt: number;
  readonly index: number;
  readonly read: ReadPrompts;
  /** Row of `read`. */
  readonly row: number;
}

/** Hands out the sequences of a job in order, reading the prompts they need a batch at a time. */
function createQueue(
  { prompts }: SamplingJob,
  read: (prompts: readonly Int32Array[]) => Promise<ReadPrompts>,
): () => Promise<Next | null> {
  let batch: { readonly first: number; readonly end: number; readonly read: ReadPrompts } | null = null;
  let prompt = 0;
  let offset = 0;
  return async () => {
    while (prompt < prompts.length && offset >= prompts[prompt]!.count) {
      prompt++;
      offset = 0;
    }
    if (prompt >= prompts.length) return null;
    if (batch === null || prompt >= batch.end) {
      const end = endOfBatch(prompts, prompt);
      const group = prompts.slice(prompt, end).map((one) => one.tokens);
      batch = { first: prompt, end, read: await read(group) };
    }
    const index = prompts[prompt]!.firstIndex + offset++;
    return { prompt, index, read: batch.read, row: prompt - batch.first };
  };
}

function endOfBatch(prompts: readonly SamplingPrompt[], first: number): number {
  let longest = 0;
  let end = first;
  while (end < prompts.length) {
    longest = Math.max(longest, prompts[end]!.tokens.length);
    if (end > first && longest * (end - first + 1) > readPositions) break;
    end++;
  }
  return end;
}

/** A completion being written. */
class Draft {
  readonly #prompt: number;
  readonly #index: number;
  readonly #randomKey: number;
  readonly #limit: number;
  #tokens = new Int32Array(32);
  #logprobs = new Float32Array(32);
  #length = 0;

  constructor(job: SamplingJob, prompt: number, index: number, maxSequenceTokens: number) {
    const { key, tokens } = job.prompts[prompt]!;
    this.#prompt = prompt;
    this.#index = index;
    this.#randomKey = hashKey(job.seed, key, index);
    this.#limit = Math.min(job.maxTokens, maxSequenceTokens - tokens.length);
  }

  get lastToken(): number {
    return this.#tokens[this.#length - 1]!;
  }

  /** Chooses and adds a token; says why the completion ended, or `null`. */
  add(
    chooser: TokenChooser,
    logits: Float32Array,
    offset: number,
    { endTokens, endsWithStop }: SamplerOptions,
    { stop }: SamplingJob,
  ): FinishReason | null {
    if (this.#length === this.#tokens.length) this.#grow();
    const token = chooser.choose(logits, offset, uniformAt(this.#randomKey, this.#length));
    this.#tokens[this.#length] = token;
    this.#logprobs[this.#length++] = chooser.logprob;
    if (endTokens.includes(token)) return 'stop';
    if (stop.length > 0 && endsWithStop(this.#tokens.subarray(0, this.#length), stop)) return 'stop';
    return this.#length >= this.#limit ? 'length' : null;
  }

  finish(finishReason: FinishReason): Written {
    return {
      prompt: this.#prompt,
      index: this.#index,
      tokens: this.#tokens.slice(0, this.#length),
      logprobs: this.#logprobs.slice(0, this.#length),
      finishReason,
    };
  }

  #grow(): void {
    const [tokens, logprobs] = [this.#tokens, this.#logprobs];
    this.#tokens = new Int32Array(2 * tokens.length);
    this.#logprobs = new Float32Array(2 * tokens.length);
    this.#tokens.set(tokens);
    this.#logprobs.set(logprobs);
  }
}
