import { openLane } from '../../src/engines/embedded/lanes/lane.ts';
import { initialWeights } from '../../src/engines/embedded/parameters.ts';
import { shareJob } from '../../src/engines/requests/sampling-request.ts';
import { models } from './models.ts';

/** Sampling speed of one model for one assignment of two threads. */
export interface SamplingResult {
  readonly model: 'S' | 'M';
  /** Completions written at the same time, 8 per prompt of 16 tokens. */
  readonly sequences: number;
  /** Tokens per completion; no completion ends early. */
  readonly maxTokens: number;
  /** Number of worker threads × runtime threads in each. */
  readonly lanes: string;
  /** Written tokens per second, including the time to read the prompts; best of three. */
  readonly tokensPerSecond: number;
}

/** Writes `sequences` completions through lanes as the engine does, without decoding text. */
export async function measureSampling(
  model: 'S' | 'M',
  sequences: number,
  maxTokens: number,
  lanes: number,
  threads: number,
): Promise<SamplingResult> {
  const config = models[model];
  const weights = new Float32Array(new SharedArrayBuffer(4 * initialWeights(config, 1).length));
  weights.set(initialWeights(config, 1));
  const workers = Array.from({ length: lanes }, () =>
    openLane({
      config,
      folder: '',
      threads,
      slots: Math.ceil(sequences / lanes),
      maxSequenceTokens: config.maxPositions,
      endTokens: [],
      memoryBudgetBytes: 2 ** 31,
    }),
  );
  const prompts = Array.from({ length: sequences / 8 }, (_, i) => ({
    key: `prompt-${i}`,
    tokens: Int32Array.from({ length: 16 }, (_token, at) => (7 * i + 3 * at) % config.vocabSize),
    firstIndex: 0,
    promptLength: 16,
    firstPosition: 0,
    openTurn: 0,
    count: 8,
  }));
  const choice = { temperature: 1, topP: 1, topK: 0, stop: [], seed: 0 };
  const job = { prompts, maxTokens, ...choice, parts: false, isContinued: false };
  let best = Infinity;
  for (let round = 0; round < 4; round++) {
    const start = performance.now();
    const running = shareJob(job, lanes).map(({ job: share }, lane) =>
      workers[lane]!.sample(share, { values: weights, version: 0 }, new Int32Array(1), () => {}),
    );
    await Promise.all(running);
    // The first round loads the programs.
    if (round > 0) best = Math.min(best, performance.now() - start);
  }
  await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
  const tokensPerSecond = (1000 * sequences * maxTokens) / best;
  return { model, sequences, maxTokens, lanes: `${lanes} × ${threads}`, tokensPerSecond };
}
