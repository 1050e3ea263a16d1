import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TokenBatch, TrainingBatch } from '../core/batch.ts';
import type { LossSpec } from '../core/loss-spec.ts';
import { extendTranscript, givenTranscript, type Transcript } from '../core/transcript.ts';
import type { Message } from '../core/problem.ts';
import type {
  Completion,
  EngineInfo,
  FrozenPolicy,
  Learner,
  LearningEngine,
  LossStats,
  ModelWeights,
  OptimStep,
  Renderer,
  SamplePrompt,
  Sampler,
  SampleRequest,
  StepStats,
} from '../engines/engine.ts';

/** Options of a scripted engine. */
export interface ScriptedEngineOptions {
  /**
   * Returns the text of one completion; `turn` is the number of earlier completions in the same attempt. `request`
   * contains the tokens so far and the seed. May throw, to test how a caller handles a failing engine.
   */
  readonly complete: (
    key: string,
    index: number,
    policyVersion: number,
    turn: number,
    request: { readonly given: Transcript; readonly seed: number },
  ) => string | Promise<string>;
  /** Log-probability of every token, sampled or scored. Default −0.5. */
  readonly tokenLogprob?: number;
  /** Maximum length of prompt and completion together, in tokens (one per UTF-16 unit). Default 4096. */
  readonly maxSequenceTokens?: number;
  /** Identifies the "model" in stored pass rates. Default `scripted`. */
  readonly modelHash?: string;
}

/** Token that ends every completion that no limit or stop string ends; decodes to an empty string. */
const endToken = 0;

/**
 * Creates an engine whose completions come from a function, to test code that uses engines. It has no model and no
 * thread, and uses one token per UTF-16 unit. Training changes only the policy version; its inputs are kept for
 * inspection.
 *
 * @example
 * const engine = scriptedEngine({ complete: (key, index) => (index % 2 === 0 ? '\\boxed{4}' : '\\boxed{5}') });
 */
export function scriptedEngine(options: ScriptedEngineOptions): ScriptedEngine {
  return new ScriptedEngine(options);
}

/** See {@link scriptedEngine}. */
export class ScriptedEngine implements LearningEngine, Sampler, Renderer, ModelWeights, Learner {
  readonly sampler = this;
  readonly renderer = this;
  readonly weights = this;
  readonly learner = this;
  readonly endTokens = [endToken];
  readonly #options: ScriptedEngineOptions;
  #policyVersion = 0;
  #accumulated = 0;
  /** Every batch given to `forwardBackward`, in order. */
  readonly trained: { readonly batch: TrainingBatch; readonly loss: LossSpec }[] = [];
  /** Every `optimStep`, in order. */
  readonly steps: OptimStep[] = [];
  /** Every `sample` request, in order. */
  readonly requests: SampleRequest[] = [];

  constructor(options: ScriptedEngineOptions) {
    this.#options = options;
  }

  get info(): EngineInfo {
    const { maxSequenceTokens = 4096, modelHash = 'scripted' } = this.#options;
    return {
      engine: 'scripted',
      model: 'scripted',
      modelHash,
      architecture: 'scripted',
      parameters: 1,
      vocabSize: 65_536,
      maxSequenceTokens,
      device: 'none',
    };
  }

  get policyVersion(): number {
    return this.#policyVersion;
  }

  render(messages: readonly Message[]): Int32Array {
    return this.encode(messages.map(({ content }) => content).join('\n'));
  }

  append(_transcript: Transcript, messages: readonly Message[]): Int32Array {
    return this.encode(messages.map(({ content }) => `\n${content}`).join(''));
  }

  encodeForeign(text: string): Int32Array {
    return this.encode(text);
  }

  encode(text: string): Int32Array {
    return Int32Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
  }

  decode(tokens: Int32Array): string {
    return Array.from(tokens, (token) => (token === endToken ? '' : String.fromCharCode(token))).join('');
  }

  sample(request: SampleRequest, signal?: AbortSignal): AsyncIterable<Completion> {
    return this.#sampleAt(() => this.#policyVersion, request, signal);
  }

  freezePolicy(): Promise<FrozenPolicy> {
    const policyVersion = this.#policyVersion;
    return Promise.resolve({
      policyVersion,
      sampler: {
        info: this.info,
        sample: (request, signal) => this.#sampleAt(() => policyVersion, request, signal),
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  }

  async *#sampleAt(
    version: () => number,
    request: SampleRequest,
    signal: AbortSignal | undefined,
  ): AsyncIterable<Completion> {
    this.requests.push(request);
    for (const prompt of request.prompts) {
      const first = prompt.firstIndex ?? 0;
      for (let index = first; index < first + prompt.count; index++) {
        const completion = await this.#complete(request, prompt, index, version());
        // Wait for one turn of the event loop, so that completions interleave and can be aborted as with a real engine.
        await new Promise<void>((resolve) => setImmediate(resolve));
        if (signal?.aborted === true) return;
        yield completion;
      }
    }
  }

  async #complete(
    request: SampleRequest,
    prompt: SamplePrompt,
    index: number,
    policyVersion: number,
  ): Promise<Completion> {
    const given = this.#given(prompt.prompt);
    const { complete } = this.#options;
    const { seed } = request;
    const turn = given.written.length;
    const script = await complete(prompt.key, index, policyVersion, turn, { given, seed });
    const { text, ended } = cutAtStop(script, request.stop ?? []);
    const written = ended ? this.encode(text) : Int32Array.from([...this.encode(text), endToken]);
    const tokens = written.slice(0, request.maxTokens);
    const logprobs = new Float32Array(tokens.length).fill(this.#tokenLogprob);
    const finishReason = written.length > request.maxTokens ? 'length' : 'stop';
    const transcript = extendTranscript(given, { tokens, logprobs, finishReason, policyVersion }, (all) =>
      this.decode(all),
    );
    return { type: 'completion', key: prompt.key, index, transcript };
  }

  #given(prompt: SamplePrompt['prompt']): Transcript {
    if (prompt instanceof Int32Array) return givenTranscript([], prompt);
    return 'written' in prompt ? prompt : givenTranscript(prompt, this.render(prompt));
  }

  logprobs(batch: TokenBatch): Promise<Float32Array[]> {
    return Promise.resolve(batch.sequences.map(({ tokens }) => this.#score(tokens)));
  }

  forwardBackward(batch: TrainingBatch, loss: LossSpec): Promise<LossStats> {
    this.trained.push({ batch, loss });
    let total = 0;
    let tokens = 0;
    let processedTokens = 0;
    for (const { weights, advantages } of batch.sequences) {
      processedTokens += weights.length;
      weights.forEach((weight, at) => {
        total -= weight * advantages[at]!;
        if (weight !== 0) tokens++;
      });
    }
    this.#accumulated += total;
    const logprobs = batch.sequences.map((sequence) => this.#score(sequence.tokens));
    const sequences = batch.sequences.length;
    return Promise.resolve({ loss: total, tokens, processedTokens, sequences, logprobs });
  }

  optimStep(step: OptimStep): Promise<StepStats> {
    this.steps.push(step);
    const gradNorm = Math.abs(this.#accumulated);
    const applied = Number.isFinite(gradNorm);
    this.#accumulated = 0;
    if (applied) this.#policyVersion++;
    return Promise.resolve({ policyVersion: this.#policyVersion, gradNorm, applied });
  }

  async saveState(dir: string): Promise<void> {
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'scripted-state.json'), JSON.stringify({ policyVersion: this.#policyVersion }));
  }

  async loadState(dir: string): Promise<void> {
    const state = JSON.parse(await readFile(join(dir, 'scripted-state.json'), 'utf8')) as {
      policyVersion: number;
    };
    this.#policyVersion = state.policyVersion;
    this.#accumulated = 0;
  }

  async exportModel(dir: string): Promise<void> {
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'config.json'), JSON.stringify({ model_type: 'scripted' }));
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  get #tokenLogprob(): number {
    return this.#options.tokenLogprob ?? -0.5;
  }

  #score(tokens: Int32Array): Float32Array {
    const scores = new Float32Array(tokens.length).fill(this.#tokenLogprob);
    scores[0] = 0;
    return scores;
  }
}

/** Returns the text up to and including the first stop string, and whether there is one. */
function cutAtStop(text: string, stops: readonly string[]): { text: string; ended: boolean } {
  const ends = stops.flatMap((stop) => (text.includes(stop) ? [text.indexOf(stop) + stop.length] : []));
  return ends.length === 0 ? { text, ended: false } : { text: text.slice(0, Math.min(...ends)), ended: true };
}
