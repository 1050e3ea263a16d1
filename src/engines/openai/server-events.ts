import { BrokenExchange } from './exchange.ts';

/** Longest event in characters. */
const maxEvent = 2 ** 20;

/**
 * The `data` of server-sent events (WHATWG HTML, 9.2.6): any line endings, also within a chunk's border; comments and
 * other fields are passed over; an event that the stream breaks off in is none.
 *
 * @throws BrokenExchange for an event that never ends.
 */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  let data: string[] = [];
  let size = 0;
  for await (const chunk of body) {
    const text = decoder.decode(chunk, { stream: true });
    if (rest.length + size > maxEvent)
      throw new BrokenExchange(`an event of more than ${maxEvent} characters`);
    const isWithinLine = !/[\r\n]/.test(text) && !rest.endsWith('\r');
    rest += text;
    if (isWithinLine) continue;
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop()!;
    for (const line of lines) {
      if (line === '' && data.length > 0) yield data.join('\n');
      if (line === '') [data, size] = [[], 0];
      const value = /^data(?:: ?(.*))?$/s.exec(line);
      if (value === null) continue;
      data.push(value[1] ?? '');
      size += line.length;
    }
  }
  if (rest === '\r' && data.length > 0) yield data.join('\n');
}
