import type { ServerAnswer, ServerChoice } from './answer.ts';
import { serverAnswer } from './answer.ts';
import { readEvents } from './server-events.ts';

/** What a stream came to: the answer that would have come at once, of the choices that were told to their end. */
export interface StreamedAnswer {
  readonly body: ServerAnswer;
  /** Why there is no more of it. */
  readonly broken?: string;
}

/**
 * Puts a streamed answer together. Where the stream breaks off, or holds something that is no piece of an answer, the
 * choices that had ended count and the others do not.
 *
 * @param onPiece called when the first text has come.
 */
export async function readStreamed(
  body: AsyncIterable<Uint8Array>,
  onPiece: () => void,
): Promise<StreamedAnswer> {
  const open = new Map<number, ServerChoice>();
  let usage: ServerAnswer['usage'];
  let prompt: ServerAnswer['prompt_token_ids'];
  const finished = (broken?: string): StreamedAnswer => {
    const choices = [...open.values()].filter(({ finish_reason }) => typeof finish_reason === 'string');
    const whole = { choices, usage, prompt_token_ids: prompt };
    return { body: whole, ...(broken !== undefined && { broken }) };
  };
  try {
    for await (const data of readEvents(body)) {
      if (data.trim() === '[DONE]') return finished();
      const piece = readPiece(data);
      if (typeof piece === 'string') return finished(piece);
      usage = piece.usage ?? usage;
      prompt = piece.prompt_token_ids ?? prompt;
      for (const added of piece.choices) {
        if (open.size === 0) onPiece();
        open.set(added.index, join(open.get(added.index), added));
      }
    }
  } catch (error) {
    return finished(error instanceof Error ? error.message : String(error));
  }
  return finished('a stream that broke off');
}

function readPiece(data: string): ServerAnswer | string {
  try {
    const parsed = serverAnswer.safeParse(JSON.parse(data));
    return parsed.success ? parsed.data : `a piece that is none: ${data}`;
  } catch {
    return `a piece that is no JSON: ${data}`;
  }
}

/** A choice and what a piece adds to it, in the form of a whole one. */
function join(so: ServerChoice | undefined, added: ServerChoice): ServerChoice {
  const isChat = added.delta !== undefined || so?.message !== undefined;
  const text = textOf(so) + textOf(added);
  return {
    index: added.index,
    ...(isChat ? { message: { content: text } } : { text }),
    finish_reason: added.finish_reason ?? so?.finish_reason,
    logprobs: joinLogprobs(so?.logprobs, added.logprobs),
    token_ids: joinIds(so?.token_ids, added.token_ids),
    prompt_token_ids: added.prompt_token_ids ?? so?.prompt_token_ids,
  };
}

const textOf = (choice: ServerChoice | undefined): string =>
  choice?.delta?.content ?? choice?.message?.content ?? choice?.text ?? '';

type Logprobs = ServerChoice['logprobs'];

/** Grows the first list, which is nobody else's: a long answer has a piece for each token. */
function joinLogprobs(a: Logprobs, b: Logprobs): Logprobs {
  if (!a || !b) return a ?? b;
  if ('content' in a && 'content' in b) a.content.push(...b.content);
  else if ('content' in a || 'content' in b) return undefined;
  else {
    a.tokens.push(...b.tokens);
    a.token_logprobs.push(...b.token_logprobs);
  }
  return a;
}

function joinIds(a: ServerChoice['token_ids'], b: ServerChoice['token_ids']): ServerChoice['token_ids'] {
  if (!a || !b) return a ?? b;
  a.push(...b);
  return a;
}
