import type { DecodeWeights } from './decode-weights.ts';
import { bytesPerPosition, copyPast, KeyValueCache, type Past } from './key-value-cache.ts';
import { type DecodingJob, Draft, type Emit, type SamplerOptions, Work } from './sampling-work.ts';

/** Decodes completions for one or more jobs at a time. */
export interface Sampler {
  /**
   * Runs a job with continuous batching: the next sequence immediately takes the row of a finished one, and a prompt is
   * read once for all its completions. Jobs with the same weights that arrive during the run get rows round-robin.
   * Passes finished sequences to `emit` before the next step. Stops early if `isAborted` returns true.
   */
  run(job: DecodingJob, weights: DecodeWeights, emit: Emit, isAborted: () => boolean): Promise<void>;
}

/**
 * Creates a sampler. Its results are bit-identical for any assignment of sequences to rows and any content of the other
 * rows.
 */
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

/**
 * Decodes the first waiting job and the jobs that can share its batch, until all of them end. Never throws: an error
 * rejects the jobs.
 */
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

/** Rows of the batch, and the jobs to which they belong. */
class Rows {
  readonly #options: SamplerOptions;
  readonly #weights: DecodeWeights;
  /** Length of the longest sequence of the admitted jobs, in positions. */
  #positions: number;
  readonly #slots: number;
  readonly #cache: KeyValueCache;
  readonly #tokens: Int32Array;
  readonly #drafts: Draft[] = [];
  readonly #jobs = new Set<Work>();
  /** Jobs with sequences that have not been started, in round-robin order. */
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

  /** Admits waiting jobs in order, up to the first job that needs other weights or more memory than is available. */
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

  /** Decodes the next token of every row. */
  async step(): Promise<void> {
    const drafts = this.#drafts;
    if (drafts.length === 0) return;
    for (const [row, draft] of drafts.entries()) this.#tokens[row] = draft.lastToken;
    const logits = await this.#options.decoder.step(this.#weights, this.#cache, this.#tokens, drafts.length);
    const { vocabSize } = this.#options.config;
    const goesOn = drafts.map((draft, row) =>
      this.#extend(draft, logits, row * vocabSize, () => this.#cache.copy(row)),
    );
    // Iterate backwards, so that a row moved into a gap has already been advanced.
    for (let row = goesOn.length - 1; row >= 0; row--)
      if (goesOn[row] === false && !(await this.#start(row))) this.#vacate(row);
  }

  /** Emits finished sequences and removes finished jobs. */
  emit(): void {
    for (const draft of this.#drafts) if (draft.work.job.parts) draft.work.wrote(draft.part());
    for (const work of this.#jobs) {
      work.emit();
      if (work.left === 0) this.#close(work);
    }
  }

  fail(error: unknown): void {
    for (const work of this.#jobs) work.fail(error);
    this.#jobs.clear();
  }

  /**
   * Starts sequences until one does not end with its first token, and assigns the row to it; returns false if no
   * sequence is left.
   */
  async #start(row: number): Promise<boolean> {
    for (let work = this.#turns.shift(); work !== undefined; work = this.#turns.shift()) {
      const next = await work.next();
      if (next === null) continue;
      this.#turns.push(work);
      const draft = new Draft(work, next.prompt, next.index, this.#options);
      const { logits, logitsAt, keyValues, row: source, stride } = next.read;
      const { length } = work.job.prompts[next.prompt]!.tokens;
      const past = (): Past => copyPast(this.#options.config, keyValues, source, stride, length);
      if (!this.#extend(draft, logits, logitsAt, past)) continue;
      this.#cache.reserve(length + 1, this.#drafts.length);
      this.#cache.start(row, keyValues, source, stride, length);
      this.#drafts[row] = draft;
      return true;
    }
    return false;
  }

  /**
   * Adds the next token to a draft; returns false when the draft has ended.
   *
   * @param past copies the keys and values of all tokens before the new one.
   */
  #extend(draft: Draft, logits: Float32Array, logitsAt: number, past: () => Past): boolean {
    const reason = draft.add(logits, logitsAt, this.#options);
    if (reason === null) return true;
    const isKept = reason === 'stop' && draft.work.job.isContinued;
    draft.work.finished({ ...draft.finish(reason), ...(isKept && { past: past() }) });
    return false;
  }

  /** Frees a row; the last row takes its place. */
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

/** Returns the length of a job's longest sequence, in positions. */
function longestOf({ prompts, maxTokens }: DecodingJob, { maxSequenceTokens }: SamplerOptions): number {
  const longestPrompt = prompts.reduce((longest, { tokens }) => Math.max(longest, tokens.length), 0);
  return Math.min(longestPrompt + maxTokens, maxSequenceTokens);
}

/**
 * Returns the number of sequences of this length to decode at a time: the requested number, or fewer if there is not
 * enough memory.
 */
function rowsOf(positions: number, { config, slots, cacheBytes }: SamplerOptions): number {
  return Math.min(slots, Math.floor(cacheBytes / (positions * bytesPerPosition(config))));
}
