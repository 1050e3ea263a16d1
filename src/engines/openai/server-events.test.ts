import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readEvents } from './server-events.ts';

async function* inPieces(bytes: Uint8Array, sizes: Iterator<number>): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const size = sizes.next().value as number;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function readAll(body: AsyncIterable<Uint8Array>): Promise<string[]> {
  const all: string[] = [];
  for await (const data of readEvents(body)) all.push(data);
  return all;
}

const read = (text: string, sizes: Iterator<number> = [text.length].values()): Promise<string[]> =>
  readAll(inPieces(Buffer.from(text), sizes));

test('yields complete events, for any line endings and chunk boundaries', async () => {
  const data = fc.string({ unit: fc.constantFrom('a', '{', '"', ':', ' ', 'é', '😀') });
  const noise = fc.constantFrom(': a comment', 'event: x', 'id: 3', 'retry: 5', 'datum: no', ':');
  const event = fc.record({ data: fc.array(data, { minLength: 1, maxLength: 3 }), noise: fc.array(noise) });
  const ending = fc.constantFrom('\n', '\r\n', '\r');
  const sizes = fc.infiniteStream(fc.integer({ min: 1, max: 7 }));
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 5 }), ending, sizes, async (events, end, cuts) => {
      const lines = events.flatMap((one) => [...one.noise, ...one.data.map((line) => `data: ${line}`), '']);
      const text = lines.map((line) => line + end).join('');
      expect(await read(text, cuts)).toEqual(events.map((one) => one.data.join('\n')));
    }),
  );
});

test('drops an event that the end of the stream truncates, and rejects an endless event', async () => {
  expect(await read('data: one\n\ndata: two\n')).toEqual(['one']);
  expect(await read('data:no space\n\n\n\n: only a comment\n\n')).toEqual(['no space']);
  const endless = (async function* () {
    for (;;) yield Buffer.from(`data: ${'x'.repeat(1000)}`);
  })();
  await expect(readAll(endless)).rejects.toThrow('an event of more than');
});
