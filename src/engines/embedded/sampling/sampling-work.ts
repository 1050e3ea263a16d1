import { hashKey, uniformAt } from '../../../core/rng.ts';
import type { FinishReason } from '../../../core/transcript.ts';
import type { ModelConfig } from '../../model-files/model-config.ts';
import { stopLead } from '../../requests/stop-lead.ts';
import { createTokenChooser, type TokenChooser } from './choose-token.ts';
import type { DecodeWeights } from './decode-weights.ts';
import type { Decoder, Extended } from './decoder.ts';
import { copyPast, type NewKeyValues, type Past } from './key-value-cache.ts';
import type {
  SamplingJob,
  SamplingPrompt,
  SequencePart,
  FinishedSequence,
} from '../../requests/sampling-job.ts';

/** A prompt, with the keys and values of its first tokens if the engine kept them. */
export interface DecodingPrompt extends SamplingPrompt {
  readonly past?: Past | undefined;
}

/** A job of a lane. */
export type DecodingJob = SamplingJob<DecodingPrompt>;

/** A finished sequence; with keys and values of all its tokens but the last if it may be continued. */
export interface DecodedSequence extends FinishedSequence {
  readonly past?: Past;
}

/** Receives the sequences that a decoding step finished, and the new parts of unfinished ones. */
export type Emit = (finished: DecodedSequence[], parts: SequencePart[]) => void;

/**
 * Returns an upper bound on the number of tokens that a stop string spans: a token has at least one byte of text, and a
 * character up to 4.
 */
export const stopReach = (stop: readonly string[]): number =>
  stop.length === 0 ? 0 : Math.max(...stop.map((text) => Buffer.byteLength(text))) + 4;

/** Options of a sampler. */
export interface SamplerOptions {
  readonly config: ModelConfig;
  readonly decoder: Decoder;
  /** Maximum number of sequences decoded at a time; fewer if there is not enough memory. */
  readonly slots: number;
  /** Bytes for keys and values; at least one sequence is always decoded. */
  readonly cacheBytes: number;
  /** Maximum length of prompt and completion together, in tokens. */
  readonly maxSequenceTokens: number;
  readonly endTokens: readonly number[];
  /**
   * Returns whether the text of these tokens contains a stop string; called after every token of a job with
   * stop strings.
   */
  readonly endsWithStop: (tokens: Int32Array, stop: readonly string[]) => boolean;
}

/** Number of prompt positions read at a time, including padding; limits the memory for reading. */
const readPositions = 2048;

/** Number of positions of one sequence that a continuation reads at a time. */
const extendedPositions = 256;

/** A job in progress, with the sequences not yet started and the finished ones not yet emitted. */
export class Work {
  readonly job: DecodingJob;
  readonly weights: DecodeWeights;
  readonly chooser: TokenChooser;
  readonly isAborted: () => boolean;
  /** Returns the next sequence to start; null if none is left. */
  readonly next: () => Promise<Next | null>;
  /** Number of unfinished sequences. */
  left: number;
  readonly #emit: Emit;
  readonly #done = Promise.withResolvers<void>();
  #finished: DecodedSequence[] = [];
  #parts: SequencePart[] = [];

  constructor(
    job: DecodingJob,
    weights: DecodeWeights,
    emit: Emit,
    isAborted: () => boolean,
    { config, decoder }: SamplerOptions,
  ) {
    this.job = job;
    this.weights = weights;
    this.chooser = createTokenChooser(config.vocabSize, job);
    this.isAborted = isAborted;
    this.next = createQueue(job, (prompts) => readPrompts(prompts, config, decoder, weights));
    this.left = job.prompts.reduce((sum, { count }) => sum + count, 0);
    this.#emit = emit;
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  finished(written: DecodedSequence): void {
    this.left--;
    this.#finished.push(written);
  }

  wrote(part: SequencePart): void {
    this.#parts.push(part);
  }

  emit(): void {
    if (this.#finished.length === 0 && this.#parts.length === 0) return;
    this.#emit(this.#finished, this.#parts);
    this.#finished = [];
    this.#parts = [];
  }

  end(): void {
    this.emit();
    this.#done.resolve();
  }

  fail(error: unknown): void {
    this.#done.reject(error);
  }
}

/** A prompt that has been read. */
export interface ReadPrompt {
  readonly logits: Float32Array;
  /** Index of the prompt's first logit. */
  readonly logitsAt: number;
  readonly keyValues: NewKeyValues;
  /** Row of `keyValues`. */
  readonly row: number;
  /** Positions per row of `keyValues`. */
  readonly stride: number;
}

/** The next sequence to decode, and the prompt from which it continues. */
interface Next {
  readonly prompt: number;
  readonly index: number;
  readonly read: ReadPrompt;
}

/** Yields the sequences of a job in order, reading their prompts in batches. */
function createQueue(
  { prompts }: DecodingJob,
  read: (prompts: readonly DecodingPrompt[]) => Promise<ReadPrompt[]>,
): () => Promise<Next | null> {
  let batch: { readonly first: number; readonly end: number; readonly read: ReadPrompt[] } | null = null;
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
      batch = { first: prompt, end, read: await read(prompts.slice(prompt, end)) };
    }
    const index = prompts[prompt]!.firstIndex + offset++;
    return { prompt, index, read: batch.read[prompt - batch.first]! };
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

/**
 * Reads prompts. What the policy wrote and what followed is read with the bits of decoding steps, so that a continuation
 * does not depend on whether its keys and values were kept.
 */
async function readPrompts(
  prompts: readonly DecodingPrompt[],
  config: ModelConfig,
  decoder: Decoder,
  weights: DecodeWeights,
): Promise<ReadPrompt[]> {
  const unread = prompts.filter(({ past }) => past === undefined);
  const heads = unread.map(({ tokens, promptLength }) => tokens.subarray(0, promptLength));
  const read = heads.length === 0 ? null : await decoder.read(weights, heads);
  let row = 0;
  const all: ReadPrompt[] = [];
  for (const { tokens, promptLength, past } of prompts) {
    if (past !== undefined) {
      all.push(await extend(past, tokens, decoder, weights));
      continue;
    }
    const { logits, keyValues, stride } = read!;
    const head = { logits, logitsAt: row * config.vocabSize, keyValues, row, stride };
    const isLonger = promptLength < tokens.length;
    all.push(isLonger ? await extend(pastOf(head, promptLength, config), tokens, decoder, weights) : head);
    row++;
  }
  return all;
}

const pastOf = ({ keyValues, row, stride }: ReadPrompt, length: number, config: ModelConfig): Past =>
  copyPast(config, keyValues, row, stride, length);

async function extend(
  past: Past,
  tokens: Int32Array,
  decoder: Decoder,
  weights: DecodeWeights,
): Promise<ReadPrompt> {
  let extended: Extended = { past, logits: new Float32Array() };
  while (extended.past.length < tokens.length) {
    const start = extended.past.length;
    const added = tokens.subarray(start, start + extendedPositions);
    extended = await decoder.extend(weights, extended.past, added);
  }
  const { keyValues, length } = extended.past;
  return { logits: extended.logits, logitsAt: 0, keyValues, row: 0, stride: length };
}

/** A completion in progress. */
export class Draft {
  readonly work: Work;
  readonly #prompt: number;
  readonly #index: number;
  readonly #randomKey: number;
  readonly #firstPosition: number;
  readonly #limit: number;
  /** The last tokens of the message being continued, in which a stop string can begin. */
  readonly #lead: Int32Array;
  #tokens = new Int32Array(32);
  #logprobs = new Float32Array(32);
  #entropies = new Float32Array(32);
  #length = 0;
  /** Number of tokens already emitted as parts. */
  #shown = 0;

  constructor(
    work: Work,
    prompt: number,
    index: number,
    { maxSequenceTokens, endsWithStop }: Pick<SamplerOptions, 'maxSequenceTokens' | 'endsWithStop'>,
  ) {
    const { job } = work;
    const { key, tokens, firstPosition, openTurn } = job.prompts[prompt]!;
    this.work = work;
    this.#prompt = prompt;
    this.#index = index;
    this.#randomKey = hashKey(job.seed, key, index);
    this.#firstPosition = firstPosition;
    this.#limit = Math.min(job.maxTokens, maxSequenceTokens - tokens.length);
    this.#lead = stopLead(tokens, openTurn, stopReach(job.stop), (lead) => endsWithStop(lead, job.stop));
  }

  get lastToken(): number {
    return this.#tokens[this.#length - 1]!;
  }

  /** Chooses and adds a token; returns the reason why the completion ended, or `null` if it continues. */
  add(
    logits: Float32Array,
    offset: number,
    { endTokens, endsWithStop }: SamplerOptions,
  ): FinishReason | null {
    const { chooser, job } = this.work;
    const { stop } = job;
    if (this.#length === this.#tokens.length) this.#grow();
    const token = chooser.choose(
      logits,
      offset,
      uniformAt(this.#randomKey, this.#firstPosition + this.#length),
    );
    this.#tokens[this.#length] = token;
    this.#logprobs[this.#length] = chooser.logprob;
    this.#entropies[this.#length++] = chooser.entropy;
    if (endTokens.includes(token)) return 'stop';
    if (stop.length > 0 && endsWithStop(this.#sinceLead(), stop)) return 'stop';
    return this.#length >= this.#limit ? 'length' : null;
  }

  /** Returns the tokens written so far, preceded by the end of the message that they continue. */
  #sinceLead(): Int32Array {
    const written = this.#tokens.subarray(0, this.#length);
    if (this.#lead.length === 0) return written;
    const joined = new Int32Array(this.#lead.length + written.length);
    joined.set(this.#lead);
    joined.set(written, this.#lead.length);
    return joined;
  }

  part(): SequencePart {
    const tokens = this.#tokens.slice(this.#shown, this.#length);
    this.#shown = this.#length;
    return { prompt: this.#prompt, index: this.#index, tokens };
  }

  finish(finishReason: FinishReason): FinishedSequence {
    return {
      prompt: this.#prompt,
      index: this.#index,
      tokens: this.#tokens.slice(0, this.#length),
      logprobs: this.#logprobs.slice(0, this.#length),
      entropies: this.#entropies.slice(0, this.#length),
      finishReason,
    };
  }

  #grow(): void {
    const [tokens, logprobs, entropies] = [this.#tokens, this.#logprobs, this.#entropies];
    this.#tokens = new Int32Array(2 * tokens.length);
    this.#logprobs = new Float32Array(2 * tokens.length);
    this.#entropies = new Float32Array(2 * tokens.length);
    this.#tokens.set(tokens);
    this.#logprobs.set(logprobs);
    this.#entropies.set(entropies);
  }
}
