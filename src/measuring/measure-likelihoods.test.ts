import { expect, test } from 'vitest';
import { ConfigError, EngineError } from '../core/errors.ts';
import { openPassRateStore } from '../difficulty/pass-rates/sqlite-store.ts';
import type { Engine } from '../engines/engine.ts';
import { codeProblem, mathProblem, scriptedEngine } from '../testing/index.ts';
import { measureLikelihoods } from './measure-likelihoods.ts';

const problems = [
  ...Array.from({ length: 300 }, (_, i) => mathProblem({ id: `p${i}`, answer: String(i) })),
  mathProblem({ id: 'solved', answer: '4', solution: '2+2;\\boxed{4}' }),
  codeProblem({ id: 'code' }),
];

/** Creates a scripted engine that counts the texts it scores. */
function counting(tokenLogprob = -0.5, maxSequenceTokens = 4096) {
  const engine = scriptedEngine({ complete: () => '', tokenLogprob, maxSequenceTokens });
  const scored: number[] = [];
  const weights: Engine['weights'] = {
    policyVersion: 0,
    exportModel: () => Promise.reject(new Error('unused')),
    logprobs: (batch) => {
      scored.push(batch.sequences.length);
      return engine.logprobs(batch);
    },
  };
  const wrapped: Engine = { sampler: engine, renderer: engine, weights, async [Symbol.asyncDispose]() {} };
  return { engine: wrapped, scored };
}

test('sums only the log-probabilities of the text, for answers and for solutions', async () => {
  using store = openPassRateStore(':memory:');
  const { engine } = counting();
  const values = await measureLikelihoods({ engine, store }, { problems, model: 'm' });
  expect(values.size).toBe(301);
  expect(values.get('p7')).toEqual({ 'log p(answer)': -0.5 * '\\boxed{7}'.length });
  expect(values.get('solved')).toEqual({
    'log p(answer)': -0.5 * '\\boxed{4}'.length,
    'log p(solution)': -0.5 * '2+2;\\boxed{4}'.length,
  });
  expect(values.has('code')).toBe(false);
});

test('computes no value twice, even after an interruption, and no value at all if isComplete is set', async () => {
  using store = openPassRateStore(':memory:');
  const { engine, scored } = counting();
  const abort = new AbortController();
  const stopped = measureLikelihoods(
    { engine, store },
    { problems, model: 'm', onProgress: () => abort.abort() },
    abort.signal,
  );
  await expect(stopped).rejects.toThrow(/abort/i);
  const whole = await measureLikelihoods({ engine, store }, { problems, model: 'm' });
  expect(await measureLikelihoods({ engine, store }, { problems, model: 'm' })).toEqual(whole);
  expect(scored).toEqual([256, 46]);
  await measureLikelihoods({ engine, store }, { problems, model: 'm', template: 'other' });
  await measureLikelihoods({ engine, store }, { problems, model: 'n' });
  expect(scored).toEqual([256, 46, 256, 46, 256, 46]);
  const gone = { problems, model: 'gone', isComplete: true };
  expect((await measureLikelihoods({ engine, store }, gone)).size).toBe(0);
});

test('scores a problem again when its prompt, answer or solution changes', async () => {
  using store = openPassRateStore(':memory:');
  const { engine, scored } = counting();
  const measure = (change: object) =>
    measureLikelihoods({ engine, store }, { problems: [{ ...problems[300]!, ...change }], model: 'm' });
  await measure({});
  await measure({ prompt: [{ role: 'user', content: 'two and two?' }] });
  await measure({ answer: '5' });
  const longer = await measure({ solution: 'two more: \\boxed{4}' });
  expect(scored).toEqual([2, 2, 2, 1]);
  expect(longer.get('solved')!['log p(solution)']).toBe(-0.5 * 'two more: \\boxed{4}'.length);
});

test('omits texts longer than the window, and rejects values that are not finite', async () => {
  using store = openPassRateStore(':memory:');
  const prompt = counting().engine.renderer!.render(problems[0]!.prompt).length;
  const short = counting(-0.5, prompt + '\\boxed{99}'.length);
  const values = await measureLikelihoods({ engine: short.engine, store }, { problems, model: 'short' });
  expect(values.has('p99')).toBe(true);
  expect(values.has('p100')).toBe(false);
  const broken = counting(Number.NaN);
  const failing = measureLikelihoods({ engine: broken.engine, store }, { problems, model: 'broken' });
  await expect(failing).rejects.toThrow(EngineError);
});

test('rejects an engine without local weights, and names the setting to change', async () => {
  using store = openPassRateStore(':memory:');
  const { engine } = counting();
  const served: Engine = { sampler: engine.sampler, async [Symbol.asyncDispose]() {} };
  const failing = measureLikelihoods({ engine: served, store }, { problems, model: 'm' });
  await expect(failing).rejects.toThrow(ConfigError);
  await expect(failing).rejects.toThrow(/local weights.*prior/s);
});
