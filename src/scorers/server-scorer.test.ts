import { expect, test, vi } from 'vitest';
import { serveModel } from '../../test/model-server/fake-model-server.ts';
import { givenTranscript, extendTranscript, type Transcript } from '../core/transcript.ts';
import { mathProblem, scriptedEngine } from '../testing/index.ts';
import { completionsScorerConfig } from './completions-scorer.ts';
import { openScorer } from './open-scorer.ts';
import { poolingScorerConfig } from './pooling-scorer.ts';

/** One token per character. */
const renderer = scriptedEngine({ complete: () => '' });
const problem = mathProblem({ id: 'p', prompt: [{ role: 'user', content: '1+1+1=?' }] });
const steps = ['1+1=2\n\n', '2+1=3\n\n', '\\boxed{3}'];

/** Returns an attempt with three steps, and their ends. */
function attempt(): { transcript: Transcript; ends: number[] } {
  const given = givenTranscript(problem.prompt, renderer.render(problem.prompt));
  const tokens = renderer.encode(steps.join(''));
  const logprobs = new Float32Array(tokens.length);
  const written = { tokens, logprobs, policyVersion: 0, finishReason: 'stop' as const };
  const transcript = extendTranscript(given, written, (some) => renderer.decode(some));
  let end = given.tokens.length;
  const ends = steps.map((step) => (end += step.length));
  return { transcript, ends };
}

const open = (config: Parameters<typeof openScorer>[0]) =>
  openScorer(config, { verifierFor: () => undefined as never, renderer }, new AsyncDisposableStack());

/** Returns the probability that the fake server assigns to a step: low for the probe's wrong answer. */
const chanceOf = (step: string): number => (step.includes('=6') ? 0.125 : step.includes('2+1') ? 0.25 : 0.75);

interface PoolingBody {
  readonly model: string;
  readonly task: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

/**
 * Returns vLLM's response to `/pooling` with the task `token_classify`: one row of class probabilities per step tag.
 */
const poolingAnswer = (rows: readonly (readonly number[])[]): string =>
  JSON.stringify({
    id: 'pool-1',
    object: 'list',
    created: 0,
    model: 'prm',
    data: [{ index: 0, object: 'pooling', data: rows }],
    usage: { prompt_tokens: 30, total_tokens: 30, completion_tokens: 0, prompt_tokens_details: null },
  });

function poolingServer(
  rowOf: (good: number) => readonly number[],
  seen: PoolingBody[] = [],
): Promise<string> {
  let requests = 0;
  return serveModel((given, response, request) => {
    expect(request.url).toBe('/pooling');
    // Answer the first request as an overloaded server does.
    if (requests++ === 0) return void response.writeHead(503).end('{}');
    const body = given as unknown as PoolingBody;
    seen.push(body);
    const tagged = body.messages.at(-1)!.content.split('<extra_0>').slice(0, -1);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(poolingAnswer(tagged.map((step) => rowOf(chanceOf(step)))));
  });
}

const pooling = (baseUrl: string, more: object = {}) =>
  poolingScorerConfig.parse({ type: 'pooling', baseUrl, model: 'prm', ...more });

test('scores every step with vLLM’s /pooling, and retries an overloaded server', async () => {
  const seen: PoolingBody[] = [];
  const scorer = await open(pooling(await poolingServer((good) => [1 - good, good], seen)));
  const { transcript, ends } = attempt();
  expect(await scorer.score(problem, transcript, ends)).toEqual([0.75, 0.25, 0.75]);
  expect(seen.at(-1)).toEqual({
    model: 'prm',
    task: 'token_classify',
    messages: [
      { role: 'user', content: '1+1+1=?' },
      { role: 'assistant', content: '1+1=2<extra_0>2+1=3<extra_0>\\boxed{3}<extra_0>' },
    ],
  });
  // A search requests only the scores of the last steps; the request to the server still contains the tags of all
  // steps.
  expect(await scorer.score(problem, transcript, ends.slice(1), undefined, ends.slice(0, 1))).toEqual([
    0.25, 0.75,
  ]);
});

test('rejects swapped labels, logits and missing scores when a pooling scorer is opened', async () => {
  const swapped = await poolingServer((good) => [good, 1 - good]);
  await expect(open(pooling(swapped))).rejects.toMatchObject({
    code: 'SCORER_LABELS_SWAPPED',
    tryNext: 'goodClass: 0',
  });
  await expect(open(pooling(swapped, { goodClass: 0 }))).resolves.toMatchObject({ name: 'pooling prm' });
  const logits = await poolingServer((good) => [-4, 8 * good]);
  await expect(open(pooling(logits))).rejects.toThrow(/expected class probabilities, got \[-4,/);
  const silent = await serveModel((_, response) => void response.writeHead(200).end(poolingAnswer([])));
  await expect(open(pooling(silent))).rejects.toThrow(/expected 1 score, one per "<extra_0>", got 0/);
});

interface EchoBody {
  readonly prompt: string | readonly number[];
  readonly echo: boolean;
  readonly logprobs: number;
}

/**
 * Serves `/completions` with `echo` and `logprobs`, one token per character: the label is predicted after each token.
 */
const echoServer = (good: string, bad: string): Promise<string> =>
  serveModel((given, response) => {
    const { prompt, echo, logprobs } = given as unknown as EchoBody;
    expect({ echo, logprobs }).toEqual({ echo: true, logprobs: 20 });
    const text = typeof prompt === 'string' ? prompt : renderer.decode(Int32Array.from(prompt));
    const places = Array.from({ length: [...prompt].length + 1 }, (_, at) => at);
    const top = places.map((at) => {
      const read = text.slice(0, at);
      const chance = chanceOf(read.slice(Math.max(0, read.trimEnd().lastIndexOf('\n'))));
      return at === 0 ? null : { [good]: Math.log(0.9 * chance), [bad]: Math.log(0.9 * (1 - chance)), x: -3 };
    });
    const entries = { tokens: [...text, good], token_logprobs: places.map(() => -1) };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        choices: [{ index: 0, text, logprobs: { ...entries, text_offset: places, top_logprobs: top } }],
        usage: { prompt_tokens: text.length, completion_tokens: 1, total_tokens: text.length + 1 },
      }),
    );
  });

test.for(['text', 'tokens'] as const)(
  'scores every step by the label predicted after it (input: %s)',
  async (input) => {
    const baseUrl = await echoServer('+', '-');
    const config = { type: 'completions', baseUrl, model: 'prm', input } as const;
    const scorer = await open(completionsScorerConfig.parse(config));
    const { transcript, ends } = attempt();
    const scores = await scorer.score(problem, transcript, ends);
    expect(scores.map((score) => Number(score!.toFixed(6)))).toEqual([0.75, 0.25, 0.75]);
    await expect(
      open(completionsScorerConfig.parse({ ...config, good: '-', bad: '+' })),
    ).rejects.toMatchObject({
      code: 'SCORER_LABELS_SWAPPED',
    });
    await expect(open(completionsScorerConfig.parse({ ...config, good: 'y', bad: 'n' }))).rejects.toThrow(
      /expected "y" or "n" among the 20 most probable tokens after step 1/,
    );
  },
);

test('warns if the probe shows no difference, and requires the policy’s tokenizer', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
  await open(pooling(await poolingServer(() => [0.5, 0.5])));
  expect(warn.mock.calls[0]![0]).toMatch(/no clear difference; set "probe"/);
  warn.mockRestore();
  const config = pooling('http://127.0.0.1:9/v1');
  const parts = { verifierFor: () => undefined as never };
  await expect(openScorer(config, parts, new AsyncDisposableStack())).rejects.toMatchObject({
    name: 'ConfigError',
  });
});
