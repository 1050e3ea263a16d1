import type { Choice } from './answer.ts';
import { type Attempt, type ClientOptions, tryOnce } from './client.ts';
import type { OpenaiConfig } from './config.ts';

/** Tries of one small request: what fails this often is left open. */
const tries = 3;

/** Longest wait for a small request, whatever long ones may take. */
export const patienceMs = 30_000;

/** Who is asked for what. */
export type Asked = Pick<OpenaiConfig, 'lengthField'> & { readonly model: string };

/** The server said no. */
export class Refusal extends Error {}
/** The server said nothing that can be used. */
export class Failure extends Error {}

/** Asks small questions and remembers what came of them. */
export class Prober {
  /** Messages, where the server takes them; plain prompts where it takes only those. */
  form: 'chat' | 'text' = 'chat';
  /** Tokens came where they were asked for, and not by themselves. */
  returnsTokenIds = false;
  /** How long the first piece of the last streamed answer took. */
  firstPieceMs: number | undefined;
  readonly #client: ClientOptions;
  readonly #asked: Asked;
  readonly #signal: AbortSignal;
  readonly #requestsBefore: number;
  #answers = 0;

  constructor(client: ClientOptions, asked: Asked, signal: AbortSignal) {
    const onFirstPiece = (ms: number): void => {
      this.firstPieceMs = ms;
    };
    this.#client = { ...client, timeoutMs: Math.min(client.timeoutMs, patienceMs), onFirstPiece };
    this.#asked = asked;
    this.#signal = signal;
    this.#requestsBefore = client.ledger.total().requests;
  }

  /** The choices that come back. Throws a `Refusal` or a `Failure`. */
  async ask(
    fields: Readonly<Record<string, unknown>>,
    {
      as = this.form,
      maxTokens = 1,
      wanted = 1,
    }: { readonly as?: 'chat' | 'text'; readonly maxTokens?: number; readonly wanted?: number } = {},
  ): Promise<readonly Choice[]> {
    const { model, lengthField } = this.#asked;
    const prompt =
      as === 'chat' ? { messages: [{ role: 'user', content: 'Write a random word.' }] } : { prompt: '1' };
    const body = { model, ...prompt, [lengthField]: maxTokens, temperature: 1, seed: 1, ...fields };
    const endpoint = as === 'chat' ? '/chat/completions' : '/completions';
    const question = { endpoint, body, wanted, maxTokens, key: 0 } as const;
    let attempt: Attempt | undefined;
    for (let tried = 0; tried < tries; tried++) {
      attempt = await tryOnce(this.#client, question, this.#signal);
      if ('refused' in attempt) throw new Refusal(attempt.refused);
      if (!('answer' in attempt)) continue;
      this.#answers++;
      return attempt.answer.choices;
    }
    throw new Failure((attempt as { readonly again: string }).again);
  }

  /** Whether anything was answered so far. */
  get isAnswered(): boolean {
    return this.#answers > 0;
  }

  /** Whether an answer so far said what it took. */
  get isMetered(): boolean {
    return this.#client.ledger.total().requests > this.#requestsBefore;
  }
}
