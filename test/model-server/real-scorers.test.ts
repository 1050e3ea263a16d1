import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { optimizerConfig } from '../../src/algorithms/optimizer.ts';
import { extendTranscript, givenTranscript, type Transcript } from '../../src/core/transcript.ts';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import { checkpointTensors, parameterLayout } from '../../src/engines/embedded/parameters.ts';
import type { LearningEngine } from '../../src/engines/engine.ts';
import { openModelFolder, writeModelFolder } from '../../src/engines/model-files/model-folder.ts';
import { completionsScorerConfig } from '../../src/scorers/completions-scorer.ts';
import { openScorer } from '../../src/scorers/open-scorer.ts';
import { poolingScorerConfig } from '../../src/scorers/pooling-scorer.ts';
import {
  defaultLabels,
  type LabelTokens,
  labelTokens,
  withLabelPlace,
} from '../../src/scorers/scorer-labels.ts';
import type { LabelledAttempt } from '../../src/scorers/training/labelled-attempt.ts';
import { trainScorer } from '../../src/scorers/training/train-scorer.ts';
import { mathProblem } from '../../src/testing/index.ts';
import { type RunningServer, startServer, vllmServer } from './real-server.ts';

/**
 * Tests scorers behind a real vLLM, which `GRADUS_VLLM` names as in `real-servers.test.ts`; skipped without it. A scorer
 * is trained here and served twice: as a causal model, and as a process reward model with a classification head that
 * computes the same scores.
 */
const python = process.env['GRADUS_VLLM'];

const problem = mathProblem({ id: 'p', prompt: [{ role: 'user', content: '2+3=?' }] });
const probe = { prompt: '2+3=?', right: '2+3=5', wrong: '2+3=6' };
const steps = ['2+3=5;', '2+3=6;', '\\boxed{5}'];
/** A special token of the tiny model that no step contains. */
const tag = { text: '<unk>', token: 0 };

/** Trains a scorer that knows only whether 2 + 3 is 5. */
async function trainTinyScorer(engine: LearningEngine, labels: LabelTokens): Promise<void> {
  const { renderer } = engine;
  const prompt = renderer.render(problem.prompt);
  const attempts = Array.from({ length: 32 }, (_, at): LabelledAttempt => {
    const isCorrect = at % 2 === 0;
    const answer = renderer.encode(isCorrect ? probe.right : probe.wrong);
    const places = Array.from(answer, (__, i) => prompt.length + i + 1);
    return {
      problemId: 'p',
      domain: 'math',
      prompt: probe.prompt,
      group: 'g',
      tokens: Int32Array.from([...prompt, ...answer]),
      places,
      labels: places.map(() => isCorrect),
      isCorrect,
    };
  });
  const optimizer = optimizerConfig.parse({ learningRate: 3e-3, beta2: 0.98 });
  await trainScorer(engine, attempts, labels, { optimizer, epochs: 20, batchSize: 32, seed: 1 });
}

/**
 * Rewrites a causal scorer as `Qwen2ForProcessRewardModel`, whose head is two linear layers with a ReLU between: the
 * first shifts the hidden state above 0, the second subtracts the shift again and returns the logits of both labels,
 * the bad one first.
 */
async function writeRewardModel(from: string, to: string, { good, bad }: LabelTokens): Promise<void> {
  const { config, json, tokenizer, readWeights } = await openModelFolder(from);
  const tensors = checkpointTensors(config, new Float32Array(parameterLayout(config).length));
  await readWeights(tensors);
  const width = config.hiddenSize;
  const head = tensors.find(({ name }) => name === 'model.embed_tokens.weight')!.data;
  const shift = 64;
  const rows = [bad, good].map((label) => head.subarray(label * width, (label + 1) * width));
  const added = [
    {
      name: 'score.0.weight',
      shape: [width, width],
      data: Float32Array.from({ length: width * width }, (_, at) => +(at % (width + 1) === 0)),
    },
    { name: 'score.0.bias', shape: [width], data: new Float32Array(width).fill(shift) },
    { name: 'score.2.weight', shape: [2, width], data: Float32Array.from(rows.flatMap((row) => [...row])) },
    {
      name: 'score.2.bias',
      shape: [2],
      data: Float32Array.from(rows, (row) => -shift * row.reduce((sum, value) => sum + value, 0)),
    },
  ];
  await writeModelFolder(to, {
    config: { ...json, architectures: ['Qwen2ForProcessRewardModel'] },
    tensors: [...tensors, ...added],
    weightType: 'f32',
    companionsFrom: from,
    endTokens: tokenizer.endTokens,
  });
}

/** Returns the attempt with its steps, and their ends. */
function attempt({ renderer }: LearningEngine): { transcript: Transcript; ends: number[] } {
  const given = givenTranscript(problem.prompt, renderer.render(problem.prompt));
  const tokens = renderer.encode(steps.join(''));
  const logprobs = new Float32Array(tokens.length);
  const written = { tokens, logprobs, policyVersion: 0, finishReason: 'stop' as const };
  const transcript = extendTranscript(given, written, (some) => renderer.decode(some));
  let end = given.tokens.length;
  return { transcript, ends: steps.map((step) => (end += renderer.encode(step).length)) };
}

/** Returns P(good) / (P(good) + P(bad)) after each of the places, computed by the embedded engine. */
async function scoresOf(
  { weights }: LearningEngine,
  tokens: Int32Array,
  places: readonly number[],
  { good, bad }: LabelTokens,
): Promise<number[]> {
  const longer = withLabelPlace(tokens);
  const sequences = [good, bad].map((label) => ({
    tokens: longer,
    targets: new Int32Array(longer.length).fill(label),
  }));
  const [p, q] = await weights.logprobs({ sequences }, 'policy');
  return places.map((place) => 1 / (1 + Math.exp(q![place]! - p![place]!)));
}

describe.skipIf(python === undefined)('scorers behind vLLM', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'gradus-real-scorer-'));
  const stack = new AsyncDisposableStack();
  const running: RunningServer[] = [];
  let engine: LearningEngine;
  let labels: LabelTokens;
  const serve = async (model: string, more: readonly string[] = []): Promise<string> => {
    const server = await startServer(python!, vllmServer(model, 'scorer', more));
    running.push(server);
    return `${server.origin}/v1`;
  };
  const open = (config: Parameters<typeof openScorer>[0]) =>
    openScorer(config, { verifierFor: () => undefined as never, renderer: engine.renderer }, stack);

  beforeAll(async () => {
    engine = stack.use(
      await openEmbeddedEngine({ model: 'models/gradus-tiny', exportType: 'f32', lanes: 1, threads: 1 }),
    );
    labels = labelTokens(engine.renderer, defaultLabels);
    await trainTinyScorer(engine, labels);
    await engine.weights.exportModel(join(folder, 'causal'));
  }, 120_000);
  afterAll(async () => {
    for (const server of running) server.stop();
    await stack.disposeAsync();
    rmSync(folder, { recursive: true, force: true });
  });

  test('/completions with echo gives the scores of the embedded engine; swapped labels are rejected', async () => {
    const baseUrl = await serve(join(folder, 'causal'));
    const config = { type: 'completions', baseUrl, model: 'scorer', input: 'tokens', probe } as const;
    const { transcript, ends } = attempt(engine);
    const expected = await scoresOf(engine, transcript.tokens, ends, labels);
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.05);
    const scorer = await open(completionsScorerConfig.parse(config));
    const scores = await scorer.score(problem, transcript, ends);
    for (const [at, score] of scores.entries()) expect(Math.abs(score! - expected[at]!)).toBeLessThan(1e-3);
    const swapped = { ...config, good: defaultLabels.bad, bad: defaultLabels.good };
    await expect(open(completionsScorerConfig.parse(swapped))).rejects.toMatchObject({
      code: 'SCORER_LABELS_SWAPPED',
    });
  }, 900_000);

  test('/pooling gives the scores of the embedded engine; swapped classes are rejected', async () => {
    await writeRewardModel(join(folder, 'causal'), join(folder, 'reward'), labels);
    const pooler = JSON.stringify({ pooling_type: 'STEP', step_tag_id: tag.token });
    const baseUrl = await serve(join(folder, 'reward'), ['--runner', 'pooling', '--pooler-config', pooler]);
    const config = { type: 'pooling', baseUrl, model: 'scorer', stepTag: tag.text, probe } as const;
    const { transcript, ends } = attempt(engine);
    // The server reads a tag after every step.
    const { renderer } = engine;
    const tagged = Int32Array.from([
      ...renderer.render(problem.prompt),
      ...steps.flatMap((step) => [...renderer.encode(step), tag.token]),
    ]);
    const places = [...tagged.keys()].filter((at) => tagged[at] === tag.token).map((at) => at + 1);
    const expected = await scoresOf(engine, tagged, places, labels);
    const scorer = await open(poolingScorerConfig.parse(config));
    const scores = await scorer.score(problem, transcript, ends);
    for (const [at, score] of scores.entries()) expect(Math.abs(score! - expected[at]!)).toBeLessThan(1e-3);
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.1);
    await expect(open(poolingScorerConfig.parse({ ...config, goodClass: 0 }))).rejects.toMatchObject({
      code: 'SCORER_LABELS_SWAPPED',
    });
  }, 900_000);
});
