import { createParser } from 'eventsource-parser';
import { BrokenExchange } from './exchange.ts';

/** Maximum length of an event in characters. */
const maxEvent = 2 ** 20;

/**
 * Yields the `data` of server-sent events as they arrive, without comments and `ping` events. Drops an event that the
 * end of the stream truncates.
 *
 * @throws BrokenExchange if an event is longer than `maxEvent`.
 */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const ready: string[] = [];
  let isTooLong = false;
  const parser = createParser({
    maxBufferSize: maxEvent,
    onEvent: ({ event, data }) => {
      if (event !== 'ping') ready.push(data);
    },
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded') isTooLong = true;
    },
  });
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* ready.splice(0);
    if (isTooLong) throw new BrokenExchange(`an event of more than ${maxEvent} characters`);
  }
}
