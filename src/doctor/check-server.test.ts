import { expect, test } from 'vitest';
import { type RequestBody, serveModel } from '../../test/model-server/fake-model-server.ts';
import { checkModelServer } from './check-server.ts';

const neverAborted = new AbortController().signal;

/**
 * Answers chat requests as llama.cpp does: reports the usage of only one choice, omits stop strings and returns no
 * token ids.
 */
function answer({ n = 1, seed, stop = [], max_tokens, logprobs }: RequestBody): object {
  const choices = Array.from({ length: n }, (_, index) => {
    const text = `${seed + index} apples are here`;
    const ends = stop.map((one) => text.indexOf(one)).filter((place) => place >= 0);
    const content = max_tokens === 1 ? 'word' : text.slice(0, Math.min(...ends, text.length));
    const entries = { content: [{ token: content, logprob: -1 }] };
    return {
      index,
      message: { content },
      finish_reason: max_tokens === 1 ? 'length' : 'stop',
      ...(logprobs === true && { logprobs: entries }),
    };
  });
  return { choices, usage: { prompt_tokens: 5, completion_tokens: 1 } };
}

test('reports the features that a model server supports, how it counts tokens, and the fields that it rejects', async () => {
  const baseUrl = await serveModel((body, response) => {
    if (body.messages === undefined) return void response.writeHead(404).end('chat only');
    if ('top_p' in body) return void response.writeHead(400).end('Unsupported parameter: "top_p"');
    response.end(JSON.stringify(answer(body)));
  });
  const checks = await checkModelServer({ baseUrl }, 'fruit', neverAborted);
  const statuses = Object.fromEntries(checks.map(({ name, status }) => [name, status]));
  expect(statuses).toEqual({
    model: 'ok',
    chat: 'ok',
    completions: 'absent',
    tokenPrompts: 'absent',
    logprobs: 'ok',
    tokenIds: 'absent',
    choices: 'ok',
    seed: 'ok',
    stream: 'absent',
    usage: 'ok',
    stop: 'absent',
    omitted: 'info',
  });
  const of = (name: string) => checks.find((check) => check.name === name)!;
  expect(of('completions').advice).toContain('chat only');
  expect(of('usage').found).toContain('counts only one choice of n');
  expect(of('omitted').found).toContain('top_p');
});

test('rejects a check without a model name if the server lists no models', async () => {
  const baseUrl = await serveModel((_, response) => response.end('{}'));
  await expect(checkModelServer({ baseUrl }, undefined, neverAborted)).rejects.toMatchObject({
    tryNext: expect.stringContaining('--model') as string,
  });
});
