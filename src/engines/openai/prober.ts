import type { Answer } from './answer.ts';
import { type Attempt, type ClientOptions, tryOnce } from './client.ts';
import type { OpenaiConfig } from './config.ts';
import { leaveOut, type OptionalField, refusedField } from './optional-fields.ts';

/** Maximum number of attempts at one probe; a feature whose probe fails this often stays unknown. */
const maxTries = 3;

/** Maximum time limit of a probe, in milliseconds. */
export const patienceMs = 30_000;

/** The model to probe, and the settings that affect requests. */
export type Asked = Pick<OpenaiConfig, 'lengthField' | 'omit' | 'stream'> & { readonly model: string };

/** Thrown if the server rejects a probe (HTTP 4xx). */
export class Refusal extends Error {
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** Thrown if the server returns no usable answer to a probe. */
export class Failure extends Error {}

/** Options of one probe. */
interface ProbeOptions {
  readonly as?: 'chat' | 'text';
  readonly maxTokens?: number;
  readonly wanted?: number;
}

/** Sends small requests and records the features that they reveal. */
export class Prober {
  /** Form of prompts: messages, or plain text if the server accepts only that. */
  form: 'chat' | 'text';
  /** Whether the server returns token ids only on request. */
  returnsTokenIds = false;
  /** Whether the server returns several distinct choices. */
  hasChoices = false;
  /** Whether the reported usage counts only one of several choices. */
  countsOneChoice = false;
  /** Time until the first piece of the last streamed answer, in milliseconds; undefined before any. */
  firstPieceMs: number | undefined;
  readonly streams: boolean;
  readonly #client: ClientOptions;
  readonly #asked: Asked;
  readonly #signal: AbortSignal;
  readonly #requestsBefore: number;
  #omitted: ReadonlySet<OptionalField>;
  #answers = 0;

  constructor(client: ClientOptions, asked: Asked, signal: AbortSignal, form: 'chat' | 'text' = 'chat') {
    const onFirstPiece = (ms: number): void => {
      this.firstPieceMs = ms;
    };
    this.form = form;
    this.streams = asked.stream;
    this.#client = { ...client, timeoutMs: Math.min(client.timeoutMs, patienceMs), onFirstPiece };
    this.#asked = asked;
    this.#omitted = new Set(asked.omit);
    this.#signal = signal;
    this.#requestsBefore = client.ledger.total().requests;
  }

  /**
   * Sends one small request with `fields`. Optional fields that the server rejects by name are omitted from
   * then on.
   * @throws Refusal or Failure.
   */
  async ask(fields: Readonly<Record<string, unknown>>, options: ProbeOptions = {}): Promise<Answer> {
    const before = this.#omitted;
    for (;;) {
      try {
        return await this.#askOnce(fields, options);
      } catch (error) {
        const isRefused = error instanceof Refusal && [400, 422].includes(error.status);
        const field = isRefused ? refusedField(error.message, this.#bodyOf(fields, options)) : undefined;
        if (field === undefined) {
          // Omitting the fields did not help, so send them again.
          this.#omitted = before;
          throw error;
        }
        this.#omitted = new Set([...this.#omitted, field]);
      }
    }
  }

  async #askOnce(fields: Readonly<Record<string, unknown>>, options: ProbeOptions): Promise<Answer> {
    const { as = this.form, maxTokens = 1, wanted = 1 } = options;
    const endpoint = as === 'chat' ? '/chat/completions' : '/completions';
    const question = { endpoint, body: this.#bodyOf(fields, options), wanted, maxTokens, key: 0 } as const;
    let attempt: Attempt | undefined;
    for (let tried = 0; tried < maxTries; tried++) {
      attempt = await tryOnce(this.#client, question, this.#signal);
      if ('refused' in attempt) throw new Refusal(attempt.refused, attempt.status);
      if (!('answer' in attempt)) continue;
      this.#answers++;
      return attempt.answer;
    }
    throw new Failure((attempt as { readonly again: string }).again);
  }

  #bodyOf(
    fields: Readonly<Record<string, unknown>>,
    { as = this.form, maxTokens = 1 }: ProbeOptions,
  ): Readonly<Record<string, unknown>> {
    const { model, lengthField } = this.#asked;
    const prompt =
      as === 'chat' ? { messages: [{ role: 'user', content: 'Write a random word.' }] } : { prompt: '1' };
    const sampling = { temperature: 1, top_p: 1, seed: 1 };
    return leaveOut({ model, ...prompt, [lengthField]: maxTokens, ...sampling, ...fields }, this.#omitted);
  }

  /** Fields that the config omits or the server rejects. */
  get omitted(): ReadonlySet<OptionalField> {
    return this.#omitted;
  }

  /** Whether a probe was answered. */
  get isAnswered(): boolean {
    return this.#answers > 0;
  }

  /** Whether an answer reported its usage. */
  get isMetered(): boolean {
    return this.#client.ledger.total().requests > this.#requestsBefore;
  }
}
