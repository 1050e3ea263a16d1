import * as z from 'zod';
import { readEvents } from './server-events.ts';
import { type ResponseBody, responseBody, type ResponseChoice, textOfContent } from './response-body.ts';
import { createStreamUsage } from './stream-usage.ts';
import { messageOf } from '../../core/errors.ts';

/** A streamed answer in the format of an unstreamed one, with only the complete choices. */
export interface StreamedAnswer {
  readonly body: ResponseBody;
  /** Why the stream ended early. */
  readonly broken?: string;
}

/**
 * Assembles a streamed answer. If the stream breaks off or contains an invalid event, returns only the
 * choices that had ended and the usage reported so far.
 *
 * @param onPiece called when the first choice arrives.
 */
export async function readStreamed(
  body: AsyncIterable<Uint8Array>,
  onPiece: () => void,
): Promise<StreamedAnswer> {
  const open = new Map<number, ResponseChoice>();
  const usage = createStreamUsage();
  let prompt: ResponseBody['prompt_token_ids'];
  const finished = (broken?: string): StreamedAnswer => {
    const choices = [...open.values()].filter(({ finish_reason }) => typeof finish_reason === 'string');
    const whole = { choices, usage: usage.total(), prompt_token_ids: prompt };
    return { body: whole, ...(broken !== undefined && { broken }) };
  };
  try {
    for await (const data of readEvents(body)) {
      if (data.trim() === '[DONE]') return finished();
      if (data.trim() === '') continue;
      const event = readEvent(data);
      if (typeof event === 'string') return finished(event);
      usage.add(event);
      prompt = event.prompt_token_ids ?? prompt;
      for (const added of event.choices) {
        if (open.size === 0) onPiece();
        open.set(added.index, join(open.get(added.index), added));
      }
    }
  } catch (error) {
    return finished(messageOf(error));
  }
  return finished('a stream that ended without [DONE]');
}

/** Events may lack choices: keep-alive pings and events with usage only. */
const streamEvent = responseBody.extend({
  choices: responseBody.shape.choices.nullish().transform((choices) => choices ?? []),
  error: z.unknown().optional(),
});

/** Parses one event. @returns the event, or a string: why it is invalid, or the server's error. */
function readEvent(data: string): ResponseBody | string {
  let event: unknown;
  try {
    event = JSON.parse(data);
  } catch {
    return `an event that is not JSON: ${data}`;
  }
  const parsed = streamEvent.safeParse(event);
  if (!parsed.success) return `an invalid event: ${data}`;
  const { error, ...body } = parsed.data;
  return error === undefined || error === null ? body : `an error in the stream: ${data}`;
}

/** Appends a piece to a choice; the result has the form of an unstreamed choice. */
function join(so: ResponseChoice | undefined, added: ResponseChoice): ResponseChoice {
  const isChat = Boolean(added.delta) || so?.message !== undefined;
  const text = textOf(so) + textOf(added);
  return {
    index: added.index,
    ...(isChat ? { message: { content: text } } : { text }),
    finish_reason: added.finish_reason ?? so?.finish_reason,
    stop_reason: added.stop_reason ?? so?.stop_reason,
    matched_stop: added.matched_stop ?? so?.matched_stop,
    logprobs: joinLogprobs(so?.logprobs, added.logprobs),
    token_ids: joinIds(so?.token_ids, added.token_ids),
    prompt_token_ids: added.prompt_token_ids ?? so?.prompt_token_ids,
  };
}

const textOf = (choice: ResponseChoice | undefined): string =>
  textOfContent(choice?.delta?.content) ?? textOfContent(choice?.message?.content) ?? choice?.text ?? '';

type Logprobs = ResponseChoice['logprobs'];

/** Appends in place, in linear time even for long answers; only this choice uses the first list. */
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

function joinIds(
  a: ResponseChoice['token_ids'],
  b: ResponseChoice['token_ids'],
): ResponseChoice['token_ids'] {
  if (!a || !b) return a ?? b;
  a.push(...b);
  return a;
}
