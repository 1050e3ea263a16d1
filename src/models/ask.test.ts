import { expect, test } from 'vitest';
import type { Message } from '../core/problem.ts';
import { lastAnswer } from '../core/transcript.ts';
import type { Environment } from '../environments/environment.ts';
import { type Answered, ask, type AskOptions, type TextPart } from './ask.ts';
import { locateModel, openModel } from './open-model.ts';

const conversation: Message[] = [{ role: 'user', content: 'a list of 3 numbers' }];
const options: AskOptions = { temperature: 0, seed: 0, maxTokens: 50 };

async function collect(events: AsyncIterable<TextPart | Answered>): Promise<(TextPart | Answered)[]> {
  const all = [];
  for await (const event of events) all.push(event);
  return all;
}

const textOf = (events: readonly (TextPart | Answered)[]): string =>
  events.map((event) => (event.type === 'part' ? event.text : event.rest)).join('');

test('streams an answer in parts that concatenate to its text, the same for the same seed', async () => {
  await using engine = await openModel(await locateModel('test/golden/parity-qwen2'));
  const [whole] = await collect(ask(engine, conversation, options));
  const parts = await collect(ask(engine, conversation, { ...options, parts: true }));
  expect(parts.length).toBeGreaterThan(2);
  expect(whole?.type === 'answer' && lastAnswer(whole.transcript)).toBe(textOf(parts));

  const warm = async (seed: number): Promise<string> =>
    textOf(await collect(ask(engine, conversation, { ...options, temperature: 1, seed, parts: true })));
  expect(await warm(1)).toBe(await warm(1));
  expect(await warm(1)).not.toBe(await warm(2));
});

test('ends the stream when aborted', async () => {
  await using engine = await openModel(await locateModel('test/golden/parity-qwen2'));
  const stop = new AbortController();
  const events = [];
  const long = { ...options, temperature: 1, maxTokens: 10_000, parts: true };
  for await (const event of ask(engine, conversation, long, stop.signal)) {
    events.push(event);
    stop.abort();
  }
  expect(events.some(({ type }) => type === 'answer')).toBe(false);
});

test('answers in turns with an environment and includes its messages in the text', async () => {
  await using engine = await openModel(await locateModel('models/gradus-tiny'));
  const environment: Environment = {
    name: 'again',
    version: '1',
    stop: [],
    roles: ['user'],
    maxTurns: 4,
    maxTime: 60_000,
    start: () => ({ state: 1 }),
    reply: (state) => ({
      state: 2,
      reply:
        state === 1 ? { type: 'messages', messages: [{ role: 'user', content: '3+4=?' }] } : { type: 'end' },
    }),
    [Symbol.asyncDispose]: async () => {},
  };
  const turns = { environment, call: () => Promise.reject(new Error('no tools')) };
  const prompt = [{ role: 'user', content: '3+4=?' }] as const;
  const [answer] = await collect(ask({ ...engine, turns }, prompt, options));
  if (answer?.type !== 'answer') throw new Error('expected an answer');
  const { transcript, rest } = answer;
  expect(transcript.written).toHaveLength(2);
  const [first, second] = transcript.messages.filter(({ author }) => author === 'policy');
  expect(rest).toBe(`${first!.content}\n[user] 3+4=?\n${second!.content}`);
});
