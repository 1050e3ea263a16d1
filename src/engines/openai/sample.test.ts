import { expect, test } from 'vitest';
import {
  chatAnswer,
  openFake,
  type RequestBody,
  serveModel,
} from '../../../test/model-server/fake-model-server.ts';
import { lastAnswer, writtenCount } from '../../core/transcript.ts';
import { type Completion, completionsOf, type Engine, type SampleRequest } from '../engine.ts';

const request = {
  prompts: [{ key: 'p', prompt: [{ role: 'user' as const, content: 'q' }], count: 1 }],
  maxTokens: 32,
  seed: 1,
};

async function sampleOne(
  engine: Engine,
  more: Partial<SampleRequest> = {},
): Promise<Completion['transcript']> {
  for await (const { transcript } of completionsOf(engine.sampler.sample({ ...request, ...more })))
    return transcript;
  throw new Error('expected a completion, got none');
}

const pieces = ['so ', 'o', '=', '42;', ' or', ' not'];
const whole = pieces.join('');

/** Creates a choice whose tokens are `listed`, with ids and log-probabilities as llama.cpp lists them. */
const choiceOf = (text: string, listed: readonly string[], more: object = {}): object => ({
  index: 0,
  message: { content: text },
  logprobs: { content: listed.map((token, id) => ({ token, id, logprob: -1 })) },
  finish_reason: 'stop',
  ...more,
});

test('stores log-probabilities only if sampled at temperature 0 or 1, without top-p and top-k', async () => {
  const baseUrl = await serveModel((_, response) =>
    response.end(JSON.stringify({ choices: [choiceOf(whole, pieces)] })),
  );
  await using engine = await openFake({ baseUrl, logprobs: true });
  for (const kept of [{}, { temperature: 0 }, { topP: 1, topK: 0 }])
    expect(Array.from((await sampleOne(engine, kept)).logprobs)).toEqual(pieces.map(() => -1));
  // With processed_logprobs, vLLM returns log-probabilities of the masked distribution.
  for (const dropped of [{ topP: 0.9 }, { topK: 20 }, { temperature: 0.7 }, { temperature: 0, topP: 0.9 }]) {
    const transcript = await sampleOne(engine, dropped);
    expect([transcript.logprobs.length, transcript.tokens.length]).toEqual([0, 0]);
    expect([writtenCount(transcript), lastAnswer(transcript)]).toEqual([pieces.length, whole]);
  }
});

/** Returns the text up to the first stop string, including the string only if the server keeps it. */
function stopAt(
  text: string,
  { stop = [] }: RequestBody,
  isKept: boolean,
): { text: string; by: string | null } {
  const found = stop.filter((one) => text.includes(one));
  const by = found.toSorted((a, b) => text.indexOf(a) - text.indexOf(b))[0];
  if (by === undefined) return { text, by: null };
  return { text: text.slice(0, text.indexOf(by) + (isKept ? by.length : 0)), by };
}

test.each([
  [
    'keeps it on request, as vLLM does',
    (body: RequestBody) => {
      return choiceOf(stopAt(whole, body, body.include_stop_str_in_output === true).text, []);
    },
  ],
  [
    'cuts it off and names it, as vLLM does',
    (body: RequestBody) => {
      const { text, by } = stopAt(whole, body, false);
      return choiceOf(text, [], { stop_reason: by });
    },
  ],
  [
    'cuts it off and names it, as SGLang does',
    (body: RequestBody) => {
      const { text, by } = stopAt(whole, body, false);
      return choiceOf(text, [], { matched_stop: by });
    },
  ],
  [
    'cuts it off silently, as llama.cpp does',
    (body: RequestBody) => {
      const { text } = stopAt(whole, body, false);
      return choiceOf(text, text === whole ? pieces : []);
    },
  ],
])('keeps the stop string in the text with a server that %s', async (_, answer) => {
  const asked: RequestBody[] = [];
  const baseUrl = await serveModel((body, response) => {
    asked.push(body);
    response.end(JSON.stringify({ choices: [answer(body)] }));
  });
  await using engine = await openFake({ baseUrl });
  expect(lastAnswer(await sampleOne(engine))).toBe(whole);
  const probed = asked.length;
  for (let time = 0; time < 2; time++)
    expect(lastAnswer(await sampleOne(engine, { stop: ['#', ';'] }))).toBe('so o=42;');
  // Without a stop string in the text, the model ended by itself.
  expect(lastAnswer(await sampleOne(engine, { stop: ['#'] }))).toBe(whole);
  // Stop strings are probed only once.
  expect(asked.length - probed).toBeLessThanOrEqual(3 + 3);
});

test('truncates tokens and text at a stop string that the server would drop', async () => {
  const baseUrl = await serveModel((body, response) => {
    const { text } = stopAt(whole, body, false);
    response.end(JSON.stringify({ choices: [choiceOf(text, text === whole ? pieces : [])] }));
  });
  await using engine = await openFake({ baseUrl, logprobs: true });
  const transcript = await sampleOne(engine, { stop: ['2;'] });
  expect(Array.from(transcript.tokens)).toEqual([0, 1, 2, 3]);
  expect([lastAnswer(transcript), transcript.written[0]!.finishReason]).toEqual(['so o=42;', 'stop']);
});

test('omits fields that the server rejects by name', async () => {
  const asked: object[] = [];
  const refused = ['seed', 'top_p', 'continuous_usage_stats'];
  const baseUrl = await serveModel((body, response) => {
    const found = refused.find((field) => JSON.stringify(body).includes(`"${field}"`));
    if (found !== undefined) return void response.writeHead(422).end(`{"loc": ["body", "${found}"]}`);
    asked.push(body);
    response.end(chatAnswer(['4']));
  });
  await using engine = await openFake({ baseUrl, api: 'chat', stream: true });
  expect(lastAnswer(await sampleOne(engine))).toBe('4');
  expect(asked.at(-1)).toEqual({
    model: 'fake',
    messages: [{ role: 'user', content: 'q' }],
    max_tokens: 32,
    temperature: 1,
  });
  // Without top_p the server would sample from a different distribution.
  await expect(sampleOne(engine, { topP: 0.9 })).rejects.toThrow('top_p: expected 1');
});

test('omits the fields that `omit` lists', async () => {
  const asked: RequestBody[] = [];
  const baseUrl = await serveModel((body, response) => {
    asked.push(body);
    response.end(chatAnswer(Array.from({ length: body.n ?? 1 }, (_, i) => `${asked.length}/${i}`)));
  });
  const omit = ['seed', 'temperature', 'n', 'logprobs'] as const;
  await using engine = await openFake({ baseUrl, omit: [...omit], choicesPerRequest: 4, logprobs: true });
  await sampleOne(engine, { prompts: [{ ...request.prompts[0]!, count: 4 }] });
  for (const body of asked) expect(omit.filter((field) => field in body)).toEqual([]);
  await expect(sampleOne(engine, { temperature: 0.6 })).rejects.toThrow('temperature: expected 1');
});

test('does not omit a field if the server also rejects the request without it', async () => {
  const baseUrl = await serveModel((body, response) => {
    if (body.logprobs !== undefined) return void response.writeHead(400).end('no logprobs with a seed');
    response.end(chatAnswer([String(body.seed)]));
  });
  await using engine = await openFake({ baseUrl, logprobs: true });
  expect(engine.sampler.info.server).toMatchObject({ chat: 'yes', logprobs: 'no' });
  expect(lastAnswer(await sampleOne(engine))).toMatch(/^\d+$/);
});

test("counts every choice if the server's usage counts only one", async () => {
  const asked: (number | undefined)[] = [];
  let written = 0;
  const answer = (body: RequestBody, lists: boolean): string => {
    asked.push(body.n);
    const texts = Array.from({ length: body.n ?? 1 }, (_, index) => `${body.seed} ${index}`);
    if (body.max_tokens === 32) written += 2 * texts.length;
    const entries = { content: ['a', 'b'].map((token, id) => ({ token, id, logprob: -1 })) };
    const usage = { prompt_tokens: 3, completion_tokens: Math.min(body.max_tokens, 2) };
    const choices = texts.map((content, index) => ({
      index,
      message: { content },
      finish_reason: body.max_tokens === 1 ? 'length' : 'stop',
      ...(lists && body.logprobs !== undefined && { logprobs: entries }),
    }));
    return JSON.stringify({ choices, usage });
  };
  for (const lists of [false, true]) {
    const baseUrl = await serveModel((body, response) => response.end(answer(body, lists)));
    await using engine = await openFake({ baseUrl, choicesPerRequest: 4, logprobs: lists });
    const before = engine.sampler.spending!.total().completionTokens;
    [asked.length, written] = [0, 0];
    const prompts = [{ ...request.prompts[0]!, count: 8 }];
    for await (const { key } of completionsOf(engine.sampler.sample({ ...request, prompts })))
      expect(key).toBe('p');
    expect(asked).toEqual(lists ? [4, 4] : Array<undefined>(8).fill(undefined));
    expect(engine.sampler.spending!.total().completionTokens - before).toBe(written);
    expect(written).toBe(16);
  }
});
