import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Answer, readAnswer } from './answer.ts';
import { readStreamed } from './stream-answer.ts';

const only = (body: unknown): Answer['choices'][number] => (readAnswer(body, 1) as Answer).choices[0]!;
const written = (choice: object) => {
  const { tokens, logprobs } = only({ choices: [choice] }).written ?? {};
  return tokens && [Array.from(tokens), Array.from(logprobs!)];
};

test('tokens and log-probabilities are read from every server’s way of telling them', () => {
  const message = { content: 'ab' };
  const content = [
    { token: 'a', logprob: -0.5 },
    { token: 'b', logprob: -1 },
  ];
  const expected = [
    [7, 8],
    [-0.5, -1],
  ];
  // vLLM, SGLang, Gradus: return_token_ids.
  expect(written({ message, logprobs: { content }, token_ids: [7, 8] })).toEqual(expected);
  const lists = { tokens: ['a', 'b'], token_logprobs: [-0.5, -1] };
  expect(written({ text: 'ab', logprobs: lists, token_ids: [7, 8] })).toEqual(expected);
  // llama.cpp: an id beside each entry.
  const withIds = content.map((entry, i) => ({ ...entry, id: 7 + i }));
  expect(written({ message, logprobs: { content: withIds } })).toEqual(expected);
  // vLLM: return_tokens_as_token_ids.
  const named = { tokens: ['token_id:7', 'token_id:8'], token_logprobs: [-0.5, -1] };
  expect(written({ text: 'ab', logprobs: named })).toEqual(expected);
  // What does not fit together is nothing.
  expect(written({ message, logprobs: { content }, token_ids: [7] })).toBeUndefined();
  expect(written({ message, logprobs: { content } })).toBeUndefined();
  expect(
    written({ text: 'ab', logprobs: { ...lists, token_logprobs: [null, -1] }, token_ids: [7, 8] }),
  ).toBeUndefined();
  expect(written({ message, token_ids: [7, 8] })).toBeUndefined();
  expect(written({ message, logprobs: 'none' })).toBeUndefined();
});

test('usage that cannot be is none, and no reason to ask again', () => {
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

test('only distinct choices within what was asked for are an answer', () => {
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

test('a choice that the server gave up is no attempt', () => {
  const choice = (index: number, finish_reason: string) => ({ index, text: 'a', finish_reason });
  const answer = readAnswer({ choices: [choice(0, 'abort'), choice(1, 'stop'), choice(2, 'length')] }, 3);
  expect((answer as Answer).choices.map(({ index }) => index)).toEqual([1, 2]);
  expect(readAnswer({ choices: [choice(0, 'error')] }, 1)).toContain('written to their end');
});

test('nothing a server says makes reading throw', () => {
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

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

test('a stream cut anywhere yields the choices that had ended, and no other', async () => {
  const piece = (index: number, content: string, end: string | null = null): string =>
    `data: ${JSON.stringify({ choices: [{ index, delta: { content }, finish_reason: end }] })}\n\n`;
  const usage = 'data: {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 4}}\n\n';
  const text = [
    piece(1, 'on'),
    ': still here\n\n',
    piece(0, 'nu'),
    piece(1, 'e', 'stop'),
    piece(0, 'll', 'length'),
    usage,
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
