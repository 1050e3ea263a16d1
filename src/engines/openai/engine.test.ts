import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng } from '../../core/rng.ts';
import { openaiConfig, openOpenaiEngine } from './engine.ts';
import { createLimiter } from './limiter.ts';
import { readRetryAfter } from '../../core/retry-after.ts';

const faults = ['drop', '500', '429', 'html', 'two', 'none', 'cut'] as const;

test('with a fifth of the answers broken every completion comes exactly once', async () => {
  const rng = createRng(1, 'faults');
  let broken = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const fault = rng.next() < 0.2 ? rng.pick(faults) : 'good';
      const choice = { message: { content: '42' }, finish_reason: 'stop' };
      if (fault !== 'good') broken++;
      if (fault === 'drop') response.destroy();
      else if (fault === '500') response.writeHead(500).end('oops');
      else if (fault === '429') response.writeHead(429, { 'retry-after': '0' }).end();
      else if (fault === 'html') response.end('<html>');
      else if (fault === 'cut') response.end('{"choices": [');
      else {
        const choices = { two: [choice, choice], none: [], good: [choice] }[fault];
        response.end(JSON.stringify({ choices }));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const config = openaiConfig.parse({ type: 'openai', baseUrl: `http://127.0.0.1:${port}/v1` });
  await using engine = openOpenaiEngine(config, 'fake');
  const prompts = Array.from({ length: 50 }, (_, i) => ({
    key: `p${i}`,
    prompt: [{ role: 'user' as const, content: 'q' }],
    count: 4,
    firstIndex: 3,
  }));
  const seen: string[] = [];
  for await (const { key, index, text } of engine.sample({ prompts, maxTokens: 4, seed: 1 })) {
    expect(text).toBe('42');
    seen.push(`${key}#${index}`);
  }
  server.close();
  server.closeAllConnections();
  expect(broken).toBeGreaterThan(10);
  const wanted = prompts.flatMap(({ key }) => [3, 4, 5, 6].map((index) => `${key}#${index}`));
  expect(seen.toSorted()).toEqual(wanted.toSorted());
  await expect(engine.optimStep({ learningRate: 1 })).rejects.toMatchObject({ code: 'SAMPLING_ONLY' });
});

test('a key that the server repeats is not shown, and is needed where named', async () => {
  const server = createServer((request, response) => {
    response.writeHead(401).end(`bad key: ${request.headers.authorization}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = openaiConfig.parse({ type: 'openai', baseUrl, apiKeyEnv: 'GRADUS_TEST_KEY' });
  expect(() => openOpenaiEngine(config, 'fake')).toThrow('GRADUS_TEST_KEY');
  process.env['GRADUS_TEST_KEY'] = 'sk-secret';
  await using engine = openOpenaiEngine(config, 'fake');
  delete process.env['GRADUS_TEST_KEY'];
  const prompts = [{ key: 'a', prompt: [{ role: 'user' as const, content: 'q' }], count: 1 }];
  let error: unknown;
  try {
    for await (const { text } of engine.sample({ prompts, maxTokens: 1, seed: 0 })) expect(text).toBe('none');
  } catch (thrown) {
    error = thrown;
  }
  expect(String(error)).toContain('401');
  expect(String(error)).not.toContain('sk-secret');
  server.close();
  server.closeAllConnections();
});

test('Retry-After in seconds and as a date, and nothing else', () => {
  const now = Date.UTC(2026, 0, 1);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e6 }), (seconds) => {
      expect(readRetryAfter(String(seconds), now)).toBe(seconds * 1000);
      expect(readRetryAfter(new Date(now + seconds * 1000).toUTCString(), now)).toBe(seconds * 1000);
    }),
  );
  for (const header of [null, '', 'soon', '-1', '1.5']) expect(readRetryAfter(header, now)).toBeUndefined();
});

test('the limiter never runs more than its limit and never less than one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('well', 'overloaded', 'otherwise')), async (ways) => {
      const limiter = createLimiter(16);
      for (const went of ways) {
        const leave = await limiter.enter();
        expect(limiter.running).toBe(1);
        leave(went);
        expect(limiter.limit).toBeGreaterThanOrEqual(1);
        expect(limiter.limit).toBeLessThanOrEqual(16);
      }
    }),
  );
});
