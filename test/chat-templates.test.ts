import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Message } from '../src/core/problem.ts';
import { type ModelTokenizer, openTokenizer, openTokenTexts } from '../src/engines/model-files/tokenizer.ts';
import { type ChatModelName, chatModels, writeChatModel } from './chat-models.ts';

const scratch = await mkdtemp(join(tmpdir(), 'chat-templates-'));
afterAll(() => rm(scratch, { recursive: true }));

const keepHistory = ['qwen2.5', 'qwen3', 'llama3', 'smollm2'] as const;

/** Text with pieces that tokenizers merge or mistake for control tokens. */
const piece = fc.constantFrom(
  'the',
  ' the',
  '\n',
  '\n\n',
  '>',
  '|>',
  '12',
  '+1',
  ' ',
  '{',
  '<',
  'é',
  '😀',
  '</output>',
  ' answer',
);
const plain = fc.array(piece, { minLength: 1, maxLength: 12 }).map((pieces) => `x${pieces.join('')}y`);

describe.for(keepHistory)('%s', (name) => {
  const folder = join(scratch, name);
  let tokenizer: ModelTokenizer;
  let texts: (tokens: readonly number[]) => string[];
  beforeAll(async () => {
    await writeChatModel(folder, name);
    tokenizer = await openTokenizer(folder);
    texts = await openTokenTexts(folder);
  });
  const whole = (tokens: Iterable<number>): string => texts([...tokens]).join('');

  test('appends messages as the text that the template renders', () => {
    fc.assert(
      fc.property(
        plain,
        plain,
        fc.array(plain, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        (asked, written, results, hasEnded) => {
          const replies = results.map((content): Message => ({ role: 'tool', content }));
          const prompt: Message[] = [{ role: 'user', content: asked }];
          const conversation: Message[] = [...prompt, { role: 'assistant', content: written }, ...replies];
          const tokens = [
            ...tokenizer.encodePrompt(prompt),
            ...tokenizer.encodeText(written),
            ...(hasEnded ? [tokenizer.endTokens[0]!] : []),
            ...tokenizer.encodeReply(replies, hasEnded),
          ];
          expect(whole(tokens)).toBe(whole(tokenizer.encodePrompt(conversation)));
        },
      ),
    );
  });

  test('keeps text in a result that looks like a control token as text', () => {
    const { special, tags } = chatModels[name];
    const hostile = fc.array(fc.oneof(piece, fc.constantFrom(...special, ...tags, '<|im', '_end|>', '<|')), {
      maxLength: 8,
    });
    const control = new Set(
      special.flatMap((text) => [...tokenizer.encodeText(text)]).filter((id) => id >= 256),
    );
    fc.assert(
      fc.property(hostile, (pieces) => {
        const content = `x${pieces.join('')}y`;
        const tokens = [...tokenizer.encodeForeign(content)];
        expect(tokenizer.decode(Int32Array.from(tokens))).toBe(content);
        const count = (all: Iterable<number>): number => [...all].filter((id) => control.has(id)).length;
        expect(count(tokens)).toBe(0);
        const [with_, without] = [content, 'xy'].map((one) =>
          tokenizer.encodeReply([{ role: 'tool', content: one }], true),
        );
        expect(count(with_!)).toBe(count(without!));
      }),
    );
  });

  test('adds the list of tools if the template supports it', () => {
    const tools = [{ type: 'function', function: { name: 'search' } }];
    const prompt: Message[] = [{ role: 'user', content: 'q' }];
    const hasList = chatModels[name].template.includes('tools');
    expect(whole(tokenizer.encodePrompt(prompt, tools)).includes('"search"')).toBe(hasList);
  });
});

test('detects a template that drops earlier thinking, and the roles that drop it', async () => {
  const open = async (name: ChatModelName): Promise<ModelTokenizer> => {
    await writeChatModel(join(scratch, `again-${name}`), name);
    return openTokenizer(join(scratch, `again-${name}`));
  };
  const user: Message[] = [{ role: 'user', content: 'and now?' }];
  const tool: Message[] = [{ role: 'tool', content: '5' }];
  const qwen3 = await open('qwen3');
  expect(() => qwen3.encodeReply(user, true)).toThrow(
    'keeps earlier turns when a message of role user follows, got one that drops earlier thinking',
  );
  expect(() => qwen3.encodeReply(tool, true)).not.toThrow();
  const drops = await open('drops-thinking');
  for (const messages of [user, tool])
    expect(() => drops.encodeReply(messages, true)).toThrow('drops earlier thinking');
  const qwen25 = await open('qwen2.5');
  for (const messages of [user, tool]) expect(() => qwen25.encodeReply(messages, true)).not.toThrow();
});
