import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { optimizerConfig } from '../../algorithms/optimizer.ts';
import { createRng } from '../../core/rng.ts';
import { givenTranscript } from '../../core/transcript.ts';
import { openEmbeddedEngine } from '../../engines/embedded/engine.ts';
import { mathProblem, scriptedEngine } from '../../testing/index.ts';
import { singleTurn } from '../../testing/single-turn.ts';
import { createRun } from '../../runs/writing/create-run.ts';
import { startModelService } from '../../services/model/service.ts';
import { completionsScorerConfig } from '../completions-scorer.ts';
import { modelScorerConfig } from '../model-scorer.ts';
import { openScorer } from '../open-scorer.ts';
import { readScore } from '../readout.ts';
import { defaultLabels, labelsFile, labelTokens } from '../scorer-labels.ts';
import { formatQuality } from './format-quality.ts';
import { labelSequence, type LabelledAttempt } from './labelled-attempt.ts';
import { readRunAttempts } from './run-attempts.ts';
import { scoreAttempts, scorerQuality } from './scorer-quality.ts';
import { readStepwiseRows, stepwiseRowOf } from './stepwise-rows.ts';
import { trainScorer } from './train-scorer.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-scorer-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a scorer learns from verdicts alone, and gives the same scores after it is opened from its folder', async () => {
  await using engine = await openEmbeddedEngine({ model: 'models/gradus-tiny', exportType: 'f32' });
  const { renderer } = engine;
  const rng = createRng(3, 'scored attempts');
  // There are two attempts at each problem; an attempt is correct if it answers 7.
  const attempts = Array.from({ length: 96 }, (_, at): LabelledAttempt => {
    const problemId = `${rng.integer(10, 99)}+${at >> 1}=?`;
    const isCorrect = rng.next() < 0.5;
    const prompt = renderer.render([{ role: 'user', content: problemId }]);
    const answer = renderer.encode(`${rng.integer(1, 9)};\\boxed{${isCorrect ? 7 : rng.integer(1, 6)}}`);
    const tokens = Int32Array.from([...prompt, ...answer]);
    const places = Array.from({ length: answer.length + 1 }, (__, i) => prompt.length + i);
    const labels = places.map(() => isCorrect);
    const names = { problemId, domain: 'math', prompt: problemId, group: `${at >> 1}` };
    return { ...names, tokens, places, labels, isCorrect, answer: isCorrect ? 'seven' : 'other' };
  });
  const labels = labelTokens(renderer, defaultLabels);
  expect(() => labelTokens(renderer, { good: '+', bad: '+' })).toThrow(/expected two different tokens/);
  const [train, heldOut] = [attempts.slice(0, 64), attempts.slice(64)];
  const losses: number[] = [];
  await trainScorer(engine, train, labels, {
    optimizer: optimizerConfig.parse({ learningRate: 3e-3, beta2: 0.98 }),
    epochs: 10,
    batchSize: 32,
    seed: 1,
    onStep: ({ loss }) => losses.push(loss),
  });
  expect(losses).toHaveLength(20);
  expect(losses.at(-1)).toBeLessThan(0.7 * losses[1]!);
  const scored = await scoreAttempts(engine.weights, labels, heldOut);
  const quality = scorerQuality(scored);
  expect(quality.auc).toBeGreaterThan(0.9);
  // Before the answer is read, nothing distinguishes correct from wrong attempts.
  expect(quality.byDepth[0]!.auc).toBeLessThan(0.8);
  expect(formatQuality(quality)).toMatch(/held out: 32 attempts.*\n.*AUC 0\.9|AUC 1\.0/);
  await engine.weights.exportModel(folder);
  writeFileSync(join(folder, labelsFile), JSON.stringify(defaultLabels));
  await using opened = new AsyncDisposableStack();
  const parts = { verifierFor: () => undefined as never, renderer };
  const config = modelScorerConfig.parse({ type: 'model', model: folder });
  const scorer = await openScorer(config, parts, opened);
  const { tokens, places, scores } = scored[0]!;
  const transcript = givenTranscript([], tokens);
  const again = await scorer.score(mathProblem({ id: 'p' }), transcript, places);
  for (const [at, score] of again.entries()) expect(score).toBeCloseTo(scores[at]!, 5);
  // With a readout, the policy's log-probabilities count too.
  const readout = { intercept: 0.5, slopes: [0.5, 0.3] };
  writeFileSync(join(folder, labelsFile), JSON.stringify({ ...defaultLabels, readout }));
  const reader = await openScorer(config, parts, opened);
  const answered = singleTurn({ promptTokens: tokens.slice(0, places[0]), tokens: tokens.slice(places[0]) });
  const read = await reader.score(mathProblem({ id: 'p' }), answered, places.slice(1));
  for (const [at, score] of read.entries())
    expect(score).toBeCloseTo(readScore(readout, scores[at + 1]!, { logprob: -0.5 * (at + 1) }), 4);
  expect(await reader.score(mathProblem({ id: 'p' }), transcript, places)).toEqual(again);
  // Serve the same model with our own server, which returns the labels as alternatives after each position.
  const { url } = opened.use(await startModelService(engine, { host: '127.0.0.1', port: 0, name: 'scorer' }));
  const probe = { prompt: '20+5=?', right: '3;\\boxed{7}', wrong: '3;\\boxed{2}' };
  const address = {
    type: 'completions',
    baseUrl: `${url}/v1`,
    model: 'scorer',
    input: 'tokens',
    probe,
  } as const;
  const served = await openScorer(completionsScorerConfig.parse(address), parts, opened);
  const remote = await served.score(mathProblem({ id: 'p' }), transcript, places);
  for (const [at, score] of remote.entries()) expect(Math.abs(score! - scores[at]!)).toBeLessThan(0.05);
  // A tokenizer with a different vocabulary produces different tokens.
  const foreign = { ...parts, renderer: scriptedEngine({ complete: () => '' }) };
  await expect(openScorer(config, foreign, opened)).rejects.toThrow(/expected the tokenizer of the policy/);
}, 120_000);

test('labels are targets at every position of the answer and never in the input', () => {
  const attempt = {
    problemId: 'p',
    domain: 'math',
    prompt: '?',
    group: 'g',
    tokens: Int32Array.of(1, 2, 3, 4),
    places: [2, 3, 4],
    labels: [true, true, true],
    isCorrect: true,
  };
  const row = labelSequence(attempt, { good: 8, bad: 9 });
  expect([...row.tokens]).toEqual([1, 2, 3, 4, 0]);
  expect([...row.targets!]).toEqual([1, 2, 8, 8, 8]);
  expect([...row.weights]).toEqual([0, 0, 1, 1, 1]);
});

test('learns from training rollouts and holds out those of the last evaluation', async () => {
  await using run = await createRun(folder, { name: 'scored', recipe: {}, seed: 1 });
  const group = (id: string, outcomes: readonly ('correct' | 'incorrect' | 'ungradable')[]) => ({
    group: {
      problem: mathProblem({ id }),
      rollouts: outcomes.map((outcome, index) => ({
        problemId: id,
        index,
        transcripts: [
          singleTurn({
            promptTokens: Int32Array.of(1, 2),
            tokens: Int32Array.of(3, 4, 5),
            text: `${index}`,
            finishReason: 'stop',
          }),
        ],
        verdict: { outcome, score: 0, reason: '', verifier: 'v@1', evidence: { value: `${index}` } },
      })),
    },
  });
  const trained = [group('a', ['correct', 'incorrect']), group('b', ['ungradable', 'correct'])];
  for (const step of [0, 2]) {
    const groups = [group('held', ['incorrect']), group('a', ['correct'])];
    await run.recordRollouts({ step, stage: 'held-out', purpose: 'evaluate', groups });
    if (step === 0) await run.recordStep({ step: 1, stage: 's', metrics: {}, timings: {}, groups: trained });
  }
  const { train, heldOut, heldOutFrom } = await readRunAttempts(run.directory);
  expect(train.map(({ problemId, isCorrect }) => `${problemId} ${isCorrect}`)).toEqual([
    'a true',
    'a false',
    'b true',
  ]);
  // A problem that is in both the evaluation and the training is not held out.
  expect(heldOut.map(({ problemId }) => problemId)).toEqual(['held']);
  expect(heldOutFrom).toBe('evaluation after step 2');
  expect(train[0]).toMatchObject({
    places: [2, 3, 4, 5],
    labels: [true, true, true, true],
    answer: 'the right answer',
  });
  await expect(readRunAttempts(run.directory, 2)).rejects.toThrow(/got 0 for training and 2 held out/);
});

test('reads and writes TRL’s stepwise format, with steps cut between tokens', async () => {
  const engine = scriptedEngine({ complete: () => '' });
  const rows = Array.from({ length: 40 }, (_, at) => ({
    prompt: `q${at}`,
    completions: ['one', 'two', 'three'],
    labels: [true, true, at % 2 === 0],
  }));
  const file = join(folder, 'steps.jsonl');
  writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'));
  const { train, heldOut } = await readStepwiseRows(file, engine, '\n\n');
  expect(train.length + heldOut.length).toBe(40);
  expect(heldOut.length).toBeGreaterThan(0);
  const [first] = train;
  const { tokens, places, labels } = first!;
  expect(places.map((place) => engine.decode(tokens.subarray(0, place)).slice(first!.prompt.length))).toEqual(
    ['one\n\n', 'one\n\ntwo\n\n', 'one\n\ntwo\n\nthree'],
  );
  expect(labels.slice(0, 2)).toEqual([true, true]);
  const whole = { ...first!, places: [first!.prompt.length, ...places] };
  expect(stepwiseRowOf(whole, '\n\n', (some) => engine.decode(some))).toEqual({
    prompt: first!.prompt,
    completions: ['one', 'two', 'three'],
    labels: [first!.isCorrect, first!.isCorrect, first!.isCorrect],
  });
  writeFileSync(file, JSON.stringify({ ...rows[0], labels: [true] }));
  await expect(readStepwiseRows(file, engine, '\n\n')).rejects.toThrow(
    /:1: expected one label per completion, got 1 for 3/,
  );
});
