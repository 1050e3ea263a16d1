import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Answer, readAnswer, usageIn } from './answer.ts';
import { responseBody } from './response-body.ts';
import { readStreamed } from './stream-answer.ts';

const only = (body: unknown): Answer['choices'][number] => (readAnswer(body, 1) as Answer).choices[0]!;
const written = (choice: object) => {
  const { tokens, logprobs } = only({ choices: [choice] }).written ?? {};
  return tokens && [Array.from(tokens), Array.from(logprobs!)];
};

test("reads tokens and log-probabilities in each server's format", () => {
  const message = { content: 'ab' };
  const content = [
    { token: 'a', logprob: -0.5 },
    { token: 'b', logprob: -1 },
  ];
  const expected = [
    [7, 8],
    [-0.5, -1],
  ];
  // vLLM, SGLang and Gradus with return_token_ids.
  expect(written({ message, logprobs: { content }, token_ids: [7, 8] })).toEqual(expected);
  const lists = { tokens: ['a', 'b'], token_logprobs: [-0.5, -1] };
  expect(written({ text: 'ab', logprobs: lists, token_ids: [7, 8] })).toEqual(expected);
  // llama.cpp, with an id in each entry.
  const withIds = content.map((entry, i) => ({ ...entry, id: 7 + i }));
  expect(written({ message, logprobs: { content: withIds } })).toEqual(expected);
  // vLLM with return_tokens_as_token_ids.
  const named = { tokens: ['token_id:7', 'token_id:8'], token_logprobs: [-0.5, -1] };
  expect(written({ text: 'ab', logprobs: named })).toEqual(expected);
  // Lists of different lengths, and ids without log-probabilities or vice versa, are ignored.
  expect(written({ message, logprobs: { content }, token_ids: [7] })).toBeUndefined();
  expect(written({ message, logprobs: { content } })).toBeUndefined();
  expect(
    written({ text: 'ab', logprobs: { ...lists, token_logprobs: [null, -1] }, token_ids: [7, 8] }),
  ).toBeUndefined();
  expect(written({ message, token_ids: [7, 8] })).toBeUndefined();
  expect(written({ message, logprobs: 'none' })).toBeUndefined();
});

test('ignores an impossible usage without rejecting the answer', () => {
  const choices = [{ text: 'a' }];
  const usageOf = (usage: unknown) => (readAnswer({ choices, usage }, 1) as Answer).usage;
  const good = { prompt_tokens: 9, completion_tokens: 3 };
  expect(usageOf({ ...good, prompt_tokens_details: { cached_tokens: 4 } })).toEqual({
    promptTokens: 9,
    cachedTokens: 4,
    completionTokens: 3,
  });
  expect(usageOf({ ...good, prompt_cache_hit_tokens: 50 })?.cachedTokens).toBe(9);
  expect(usageOf({ ...good, prompt_tokens_details: { cached_tokens: -4 } })?.cachedTokens).toBe(0);
  for (const bad of [
    null,
    3,
    {},
    { ...good, prompt_tokens: -1 },
    { ...good, completion_tokens: 'x' },
    { ...good, prompt_tokens: 1e300 },
  ])
    expect(usageOf(bad)).toBeUndefined();
});

test('accepts only answers whose choices are distinct and among those requested', () => {
  const indices = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 6 });
  fc.assert(
    fc.property(indices, fc.integer({ min: 1, max: 4 }), (places, wanted) => {
      const answer = readAnswer({ choices: places.map((index) => ({ index, text: `${index}` })) }, wanted);
      const isGood =
        places.length > 0 &&
        new Set(places).size === places.length &&
        places.every((place) => place < wanted);
      expect(typeof answer === 'string').toBe(!isGood);
    }),
  );
});

test.each(['abort', 'error', 'insufficient_system_resource', 'cancelled', 'network_error'])(
  'does not count a choice that ended with "%s" as an attempt',
  (reason) => {
    const choice = (index: number, finish_reason: string) => ({ index, text: 'a', finish_reason });
    const body = { choices: [choice(0, reason), choice(1, 'stop'), choice(2, 'length')] };
    expect((readAnswer(body, 3) as Answer).choices.map(({ index }) => index)).toEqual([1, 2]);
    expect(readAnswer({ choices: [choice(0, reason)] }, 1)).toContain(reason);
  },
);

test.each(['length', 'max_tokens', 'MAX_TOKENS', 'model_length', 'max_output_tokens'])(
  'reads the finish reason "%s" as truncated',
  (finish_reason) => {
    expect(only({ choices: [{ text: 'a', finish_reason }] }).isTruncated).toBe(true);
  },
);

test('reads content that is a list of parts, without its thinking', () => {
  const content = [
    { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
    { type: 'text', text: 'a' },
    'b',
    { type: 'text', text: 'c' },
  ];
  expect(only({ choices: [{ message: { content } }] }).text).toBe('abc');
  expect(only({ choices: [{ message: { content: [] } }] }).text).toBe('');
  expect(only({ choices: [{ message: { content: null } }] }).text).toBe('');
  expect(readAnswer({ choices: [{ message: {} }] }, 1)).toContain('expected choices');
});

test('counts listed tokens when the usage counts one choice of several', () => {
  const choice = (index: number, tokens: number) => ({
    index,
    message: { content: 'a'.repeat(tokens) },
    logprobs: { content: Array.from({ length: tokens }, () => ({ token: 'a', logprob: -1, id: 5 })) },
  });
  const usage = { prompt_tokens: 4, completion_tokens: 3 };
  const several = { choices: [choice(0, 3), choice(1, 7), choice(2, 1)], usage };
  expect(usageIn(several)?.completionTokens).toBe(11);
  expect((readAnswer(several, 3) as Answer).usage?.completionTokens).toBe(11);
  // The answer is discarded, but its usage is not.
  expect(readAnswer(several, 2)).toBeTypeOf('string');
  // The reported number includes tokens that are not listed, such as those of a stop string.
  expect(usageIn({ choices: [choice(0, 2)], usage })?.completionTokens).toBe(3);
  expect(usageIn({ choices: 'broken', usage })?.completionTokens).toBe(3);
});

test('returns the stop string that ended a choice, if the server reports it', () => {
  const stopped = (more: object) => only({ choices: [{ text: 'a', finish_reason: 'stop', ...more }] });
  expect(stopped({ stop_reason: '</a>' }).stoppedBy).toBe('</a>');
  expect(stopped({ matched_stop: '</a>' }).stoppedBy).toBe('</a>');
  for (const more of [{ stop_reason: null }, { matched_stop: 2 }, { stop_reason: {} }])
    expect(stopped(more).stoppedBy).toBeUndefined();
});

test('never throws for arbitrary bodies', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 1, max: 3 }), (body, wanted) => {
      for (const said of [body, { choices: [body] }])
        expect(['string', 'object']).toContain(typeof readAnswer(said, wanted));
      const odd = readAnswer(
        { choices: [{ text: '', logprobs: body, token_ids: body }], usage: body },
        wanted,
      );
      expect(odd).toMatchObject({ choices: [{ text: '' }] });
    }),
  );
});

test('parsing a parsed body again returns an equal body', () => {
  const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
  const body = fc.record({
    choices: fc.array(
      fc.record({
        index: fc.nat(9),
        text: maybe(fc.string()),
        delta: maybe(fc.record({ content: fc.oneof(fc.string(), fc.constant(null)) })),
        finish_reason: fc.constantFrom('stop', null, undefined),
        logprobs: maybe(fc.jsonValue()),
        token_ids: maybe(fc.array(fc.nat(9))),
      }),
    ),
    usage: fc.oneof(fc.jsonValue(), fc.record({ prompt_tokens: fc.nat(99), completion_tokens: fc.nat(99) })),
  });
  fc.assert(
    fc.property(body, (given) => {
      const once = responseBody.parse(given);
      expect(responseBody.parse(once)).toEqual(once);
    }),
  );
});

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

const eventOf = (data: object): string => `data: ${JSON.stringify(data)}\n\n`;

test('yields only the choices that had ended before the stream was cut off', async () => {
  const piece = (index: number, content: string, end: string | null = null): string =>
    eventOf({ choices: [{ index, delta: { content }, finish_reason: end }] });
  const text = [
    piece(1, 'on'),
    ': keep-alive\n\n',
    'event: ping\ndata: pong\n\n',
    eventOf({ type: 'ping' }),
    'data: \n\n',
    piece(0, 'nu'),
    piece(1, 'e', 'stop'),
    piece(0, 'll', 'length'),
    eventOf({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 4 } }),
    'data: [DONE]\n\n',
  ].join('');
  const endOf = (part: string): number => text.indexOf(part) + part.length;
  const whole = new Map([
    [1, endOf(piece(1, 'e', 'stop'))],
    [0, endOf(piece(0, 'll', 'length'))],
  ]);
  for (let cut = 0; cut <= text.length; cut++) {
    const { body, broken } = await readStreamed(bytes(text.slice(0, cut)), () => {});
    const ended = [...whole].filter(([, end]) => cut >= end).map(([index]) => index);
    expect(new Set(body.choices.map(({ index }) => index))).toEqual(new Set(ended));
    expect(broken === undefined).toBe(cut === text.length);
    const texts = { 0: 'null', 1: 'one' } as Record<number, string>;
    for (const { index, message } of body.choices) expect(message?.content).toBe(texts[index]);
  }
});

test('counts the usage of a stream, and reports an error event', async () => {
  const choices = [{ index: 0, delta: { content: [{ type: 'text', text: 'a' }] }, finish_reason: 'stop' }];
  const usage = { prompt_tokens: 6, completion_tokens: 12 };
  const text = eventOf({ choices }) + eventOf({ choices: [], usage }) + 'data: [DONE]\n\n';
  const { body } = await readStreamed(bytes(text), () => {});
  const expected = { promptTokens: 6, cachedTokens: 0, completionTokens: 12 };
  expect(usageIn(body)).toEqual(expected);
  expect(readAnswer(body, 1)).toMatchObject({ choices: [{ text: 'a' }], usage: expected });
  // Some servers send usage without choices.
  const bare = await readStreamed(bytes(eventOf({ choices }) + eventOf({ usage })), () => {});
  expect(usageIn(bare.body)).toEqual(expected);
  const failed = await readStreamed(bytes(eventOf({ error: { message: 'out of memory' } })), () => {});
  expect(failed.broken).toContain('out of memory');
});
