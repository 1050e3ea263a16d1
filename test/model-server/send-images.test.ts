import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { chatAnswer, openFake, serveModel } from './fake-model-server.ts';
import { png } from '../png.ts';
import { keepImage } from '../../src/storage/images/image-file.ts';
import { type Completion, completionsOf } from '../../src/engines/engine.ts';

test('sends images as data URLs in place of their placeholders, and rejects wrong counts and changed files', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gradus-openai-images-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  const [red, blue] = [png(), png({ color: [0, 0, 255] })];
  const images = [keepImage(red, folder), keepImage(blue, folder)];
  let sent: unknown;
  const baseUrl = await serveModel((body, response) => {
    sent = body.messages;
    response.end(chatAnswer(['2']));
  });
  await using engine = await openFake({ baseUrl, api: 'chat', maxAttempts: 1 });
  const ask = async (content: string) => {
    const prompt = [{ role: 'user' as const, content, images }];
    const request = { prompts: [{ key: 'p', prompt, count: 1 }], maxTokens: 4, seed: 0 };
    const all: Completion[] = [];
    for await (const one of completionsOf(engine.sampler.sample(request))) all.push(one);
    return all;
  };
  const [completion] = await ask('Is <image> larger than <image>?');
  const url = (bytes: Buffer) => ({
    type: 'image_url',
    image_url: { url: `data:image/png;base64,${bytes.toString('base64')}` },
  });
  const text = (words: string) => ({ type: 'text', text: words });
  expect(sent).toEqual([
    { role: 'user', content: [text('Is '), url(red), text(' larger than '), url(blue), text('?')] },
  ]);
  const [message] = completion!.transcript.messages;
  expect(message!.images!.map(({ sha256 }) => sha256)).toEqual(
    [red, blue].map((bytes) => createHash('sha256').update(bytes).digest('hex')),
  );
  await expect(ask('Which <image>?')).rejects.toThrow('got 1 marks and 2 images');
  writeFileSync(images[0]!.path, blue);
  await expect(ask('<image><image>')).rejects.toThrow('got other content; import the problems again');
});
