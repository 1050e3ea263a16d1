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
  /** What is written is also handed out before it is finished. */
  readonly isWatched?: boolean;
}

/** Tokens of a completion that has not ended, since the last such part. */
export interface WrittenPart {
  readonly prompt: number;
  readonly index: number;
  readonly tokens: Int32Array;
}

/** Takes what a step has brought. */
export type Emit = (finished: Written[], parts: WrittenPart[]) => void;

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

/** Writes completions of one job or several at a time. */
export interface Sampler {
  /**
   * Runs a job with continuous batching: a row that ends is given to the next sequence at once, and prompts are read
   * once per group. Jobs of the same weights that come meanwhile get their rows in turn. What ended in a step is handed
   * to `emit` before the next step. Stops early when `isAborted`.
   */
  run(job: SamplingJob, weights: DecodeWeights, emit: Emit, isAborted: () => boolean): Promise<void>;
}

/** Positions of prompts read at a time, padding included: bounds the memory of reading. */
const readPositions = 2048;

/** A sampler. Which row a sequence is written in, and beside which others, changes no bit of it. */
export function createSampler(options: SamplerOptions): Sampler {
  const waiting: Work[] = [];
  let isRunning = false;
  const drain = async (): Promise<void> => {
    isRunning = true;
    while (waiting.length > 0) await writeTogether(waiting, options);
    isRunning = false;
  };
  return {
    run: (job, weights, emit, isAborted) => {
      const work = new Work(job, weights, emit, isAborted, options);
      if (work.left === 0) return Promise.resolve();
      waiting.push(work);
      if (!isRunning) void drain();
      return work.done;
    },
  };
}

/** Writes the first of the waiting jobs and those that may join it, until none is left. Never throws: the jobs do. */
async function writeTogether(waiting: Work[], options: SamplerOptions): Promise<void> {
  const rows = new Rows(waiting[0]!, options);
  try {
    do {
      rows.admit(waiting);
      rows.dropAborted();
      await rows.fill();
      await rows.step();
      rows.emit();
    } while (rows.isBusy);
  } catch (error) {
    rows.fail(error);
  }
}

/** The rows that sequences are written in, side by side, and the jobs that they are of. */
class Rows {
  readonly #options: SamplerOptions;
  readonly #weights: DecodeWeights;
  /** Longest sequence of the jobs taken in. */
  #positions: number;
  readonly #slots: number;
  readonly #cache: KeyValueCache;
  readonly #tokens: Int32Array;
  readonly #drafts: Draft[] = [];
  readonly #jobs = new Set<Work>();
  /** Jobs with sequences that have not begun; the next one's turn first. */
  #turns: Work[] = [];

  constructor({ job, weights }: Work, options: SamplerOptions) {
    const { config } = options;
    this.#options = options;
    this.#weights = weights;
    this.#positions = longestOf(job, options);
    this.#slots = Math.max(1, rowsOf(this.#positions, options));
    this.#cache = new KeyValueCache(config, this.#slots);
    this.#tokens = new Int32Array(this.#slots);
  }

  get isBusy(): boolean {
    return this.#jobs.size > 0;
  }

  /** Takes in waiting jobs, in their order, up to one that needs other weights or more memory than there is. */
  admit(waiting: Work[]): void {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const positions = Math.max(this.#positions, longestOf(next.job, this.#options));
      const fits = positions === this.#positions || rowsOf(positions, this.#options) >= this.#slots;
      if (next.weights !== this.#weights || !fits) return;
      this.#positions = positions;
      this.#jobs.add(next);
      this.#turns.push(next);
      waiting.shift();
    }
  }

  dropAborted(): void {
    for (const work of this.#jobs) if (work.isAborted()) this.#close(work);
    for (let row = this.#drafts.length - 1; row >= 0; row--)
      if (!this.#jobs.has(this.#drafts[row]!.work)) this.#vacate(row);
  }

  async fill(): Promise<void> {
    while (this.#drafts.length < this.#slots && (await this.#start(this.#drafts.length)));
  }

  /** Writes the next token of every row. */
  async step(): Promise<void> {
    const drafts = this.#drafts;
    if (drafts.length === 0) return;
    for (const [row, draft] of drafts.entries()) this.#tokens[row] = draft.lastToken;
    const logits = await this.#options.decoder.step(this.#weights, this.#cache, this.#tokens, drafts.length);
    const goesOn = drafts.map((draft, row) => this.#extend(draft, logits, row));
    // From the last row down, so that the row moved into a gap is always one that goes on.
    for (let row = goesOn.length - 1; row >= 0; row--)
      if (goesOn[row] === false && !(await this.#start(row))) this.#vacate(row);
  }

  /** Hands out what has ended, and is done with the jobs of which nothing is left. */
  emit(): void {
    for (const draft of this.#drafts) if (draft.work.job.isWatched === true) draft.work.wrote(draft.part());
    for (const work of this.#jobs) {
      work.emit();
      if (work.left === 0) this.#close(work);
    }
  }

  fail(error: unknown): void {
    for (const work of this.#jobs) work.fail(error);
    this.#jobs.clear();
  }

  /** Starts sequences until one lasts longer than its first token, and gives that one the row. */
  async #start(row: number): Promise<boolean> {
    for (let work = this.#turns.shift(); work !== undefined; work = this.#turns.shift()) {
      const next = await work.next();
      if (next === null) continue;
      this.#turns.push(work);
      const draft = new Draft(work, next.prompt, next.index, this.#options.maxSequenceTokens);
      if (!this.#extend(draft, next.read.logits, next.row)) continue;
      const { length } = work.job.prompts[next.prompt]!.tokens;
      this.#cache.reserve(length + 1, this.#drafts.length);
      this.#cache.start(row, next.read.keyValues, next.row, next.read.stride, length);
      this.#drafts[row] = draft;
      return true;
    }
    return false;
  }

  /** Adds the next token to a draft; false when that ended it. */
  #extend(draft: Draft, logits: Float32Array, row: number): boolean {
    const reason = draft.add(logits, row * this.#options.config.vocabSize, this.#options);
    if (reason !== null) draft.work.finished(draft.finish(reason));
    return reason === null;
  }

  /** Gives up a row; the last one takes its place. */
  #vacate(row: number): void {
    const moved = this.#drafts.pop()!;
    if (row === this.#drafts.length) return;
    this.#cache.move(this.#drafts.length, row);
    this.#drafts[row] = moved;
  }

  #close(work: Work): void {
    this.#jobs.delete(work);
    this.#turns = this.#turns.filter((other) => other !== work);
    work.end();
  }
}

/** Longest sequence of a job, in positions. */
function longestOf({ prompts, maxTokens }: SamplingJob, { maxSequenceTokens }: SamplerOptions): number {
  const longestPrompt = prompts.reduce((longest, { tokens }) => Math.max(longest, tokens.length), 0);
  return Math.min(longestPrompt + maxTokens, maxSequenceTokens);
}

/** Sequences of so many positions that are written at a time: as many as asked for, if the memory holds them. */
function rowsOf(positions: number, { config, slots, cacheBytes }: SamplerOptions): number {
  return Math.min(slots, Math.floor(cacheBytes / (positions * bytesPerPosition(config))));
}

/** A job under way: what of it has not begun, and what has ended but was not handed out. */
class Work {
  readonly job: SamplingJob;
  readonly weights: DecodeWeights;
  readonly chooser: TokenChooser;
  readonly isAborted: () => boolean;
  /** The next sequence to begin. */
  readonly next: () => Promise<Next | null>;
  /** Sequences that have not ended. */
  left: number;
  readonly #emit: Emit;
  readonly #done = Promise.withResolvers<void>();
  #finished: Written[] = [];
  #parts: WrittenPart[] = [];

  constructor(
    job: SamplingJob,
    weights: DecodeWeights,
    emit: Emit,
    isAborted: () => boolean,
    { config, decoder }: SamplerOptions,
  ) {
    this.job = job;
    this.weights = weights;
    this.chooser = createTokenChooser(config.vocabSize, job);
    this.isAborted = isAborted;
    this.next = createQueue(job, (prompts) => decoder.read(weights, prompts));
    this.left = job.prompts.reduce((sum, { count }) => sum + count, 0);
    this.#emit = emit;
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  finished(written: Written): void {
    this.left--;
    this.#finished.push(written);
  }

  wrote(part: WrittenPart): void {
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
  readonly work: Work;
  readonly #prompt: number;
  readonly #index: number;
  readonly #randomKey: number;
  readonly #limit: number;
  #tokens = new Int32Array(32);
  #logprobs = new Float32Array(32);
  #length = 0;
  /** Tokens handed out as parts. */
  #shown = 0;

  constructor(work: Work, prompt: number, index: number, maxSequenceTokens: number) {
    const { job } = work;
    const { key, tokens } = job.prompts[prompt]!;
    this.work = work;
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
    logits: Float32Array,
    offset: number,
    { endTokens, endsWithStop }: SamplerOptions,
  ): FinishReason | null {
    const { chooser, job } = this.work;
    const { stop } = job;
    if (this.#length === this.#tokens.length) this.#grow();
    const token = chooser.choose(logits, offset, uniformAt(this.#randomKey, this.#length));
    this.#tokens[this.#length] = token;
    this.#logprobs[this.#length++] = chooser.logprob;
    if (endTokens.includes(token)) return 'stop';
    if (stop.length > 0 && endsWithStop(this.#tokens.subarray(0, this.#length), stop)) return 'stop';
    return this.#length >= this.#limit ? 'length' : null;
  }

  part(): WrittenPart {
    const tokens = this.#tokens.slice(this.#shown, this.#length);
    this.#shown = this.#length;
    return { prompt: this.#prompt, index: this.#index, tokens };
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
