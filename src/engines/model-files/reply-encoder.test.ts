import { expect, test } from 'vitest';
import { openTokenizer } from './tokenizer.ts';

test("appends messages in the template's format, and the end token unless the policy wrote it", async () => {
  const tokenizer = await openTokenizer('models/gradus-tiny', 1e6);
  const whole = tokenizer.encodePrompt([
    { role: 'user', content: '2+2=?' },
    { role: 'assistant', content: '4' },
    { role: 'user', content: '3+3=?' },
  ]);
  const begun = [
    ...tokenizer.encodePrompt([{ role: 'user', content: '2+2=?' }]),
    ...tokenizer.encodeText('4'),
  ];
  const next = [{ role: 'user', content: '3+3=?' }] as const;
  expect([...begun, ...tokenizer.encodeReply(next, false)]).toEqual([...whole]);
  expect([...begun, tokenizer.endTokens[0], ...tokenizer.encodeReply(next, true)]).toEqual([...whole]);
});

test('encodes the strings of special tokens in foreign text as plain text', async () => {
  const tokenizer = await openTokenizer('models/gradus-tiny', 1e6);
  const end = tokenizer.endTokens[0];
  expect([...tokenizer.encodeText('4</a>5')]).toContain(end);
  const tokens = tokenizer.encodeForeign('4</a>5');
  expect([...tokens]).not.toContain(end);
  expect(tokenizer.encodeForeign('4+5')).toEqual(tokenizer.encodeText('4+5'));
  expect([...tokenizer.encodeForeign('4</a>5', ['</a>'])]).toEqual([...tokenizer.encodeText('4</a>5')]);
});
