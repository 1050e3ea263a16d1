import { expect, test } from 'vitest';
import type { Message } from '../core/problem.ts';
import { streamAnswer, type WrittenText, writeAnswers } from './converse.ts';
import { locateModel, openModel } from './open-model.ts';

const conversation: Message[] = [{ role: 'user', content: 'a list of 3 numbers' }];

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test('an answer read along is the answer written at once, and its seed decides it', async () => {
  await using engine = await openModel(await locateModel('test/golden/parity-qwen2'));
  const stream = async (temperature: number, seed: number, maxTokens = 50): Promise<string[]> =>
    collect(streamAnswer(engine, conversation, { temperature, seed, maxTokens }));
  const options = { temperature: 0, seed: 0, maxTokens: 50, count: 1 };
  const [whole] = await collect<WrittenText>(writeAnswers(engine, conversation, options));
  const pieces = await stream(0, 0);
  expect(pieces.join('')).toBe(whole!.text);
  expect(pieces.length).toBe(Math.ceil(whole!.tokens / 16));

  expect(await stream(1, 1)).toEqual(await stream(1, 1));
  expect(await stream(1, 1)).not.toEqual(await stream(1, 2));
});

test('aborting ends a read-along answer quietly and a written one with an error', async () => {
  await using engine = await openModel(await locateModel('test/golden/parity-qwen2'));
  const stop = new AbortController();
  const pieces: string[] = [];
  const options = { temperature: 1, seed: 0, maxTokens: 10_000, signal: stop.signal };
  for await (const piece of streamAnswer(engine, conversation, options)) {
    pieces.push(piece);
    stop.abort();
  }
  expect(pieces.length).toBeLessThanOrEqual(2);
  await expect(collect(writeAnswers(engine, conversation, { ...options, count: 2 }))).rejects.toThrow(
    /abort/,
  );
});
