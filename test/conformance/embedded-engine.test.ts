import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { crossEntropyLoss, type LossSpec } from '../../src/core/loss-spec.ts';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import { trainsInLayers } from '../../src/engines/embedded/memory-budget.ts';
import type { LearningEngine } from '../../src/engines/engine.ts';
import { openModelFolder } from '../../src/engines/model-files/model-folder.ts';
import { engineConformance } from './engine.ts';
import { smallModel, writeLargeModel } from './large-model.ts';
import { makeFastFolder } from '../runs/fast-folder.ts';

// Two lanes and few slots: rows are refilled and lanes share prompts, which must not affect results.
const settings = { lanes: 2, slots: 16, exportType: 'f32' } as const;

const scratch = makeFastFolder('embedded-conformance');
afterAll(() => rm(scratch, { recursive: true }));

engineConformance('the embedded engine', {
  open: (exported) => openEmbeddedEngine({ model: exported ?? smallModel, ...settings }),
  openLarge: async () => {
    await writeLargeModel(scratch);
    return openEmbeddedEngine({ model: scratch, ...settings });
  },
  logprobTolerance: 1e-5,
  isBatchInvariant: true,
});

test('learns layer by layer when memory is short, with almost the same weights and the same reference, and resumes', async () => {
  const model = join(scratch, 'tight');
  await writeLargeModel(model);
  expect(trainsInLayers((await openModelFolder(model)).config, 320 * 2 ** 20)).toBe(true);
  const open = (memoryBudget: string): Promise<LearningEngine> =>
    openEmbeddedEngine({ model, lanes: 2, threads: 1, memoryBudget });
  await using whole = await open('2GiB');
  await using tight = await open('320MiB');
  const sequences = [9, 30, 17].map((length) => ({
    tokens: Int32Array.from({ length }, (_, t) => 4 + ((t * length) % 50)),
    weights: new Float32Array(length).fill(0.02, 1),
    advantages: new Float32Array(length),
    rolloutLogprobs: new Float32Array(length),
  }));
  const before = await whole.weights.logprobs({ sequences }, 'policy');
  const loss: LossSpec = { ...crossEntropyLoss, kl: { estimator: 'k3', coefficient: 0.1 } };
  const step = async (engine: LearningEngine): Promise<void> => {
    const reference = await engine.weights.logprobs({ sequences }, 'reference');
    expect(reference).toEqual(before);
    const batch = sequences.map((one, i) => ({ ...one, referenceLogprobs: reference[i]! }));
    await engine.learner.forwardBackward({ sequences: batch }, loss);
    await engine.learner.optimStep({ learningRate: 1e-3, maxGradNorm: 1 });
  };
  for (let at = 0; at < 2; at++) for (const engine of [whole, tight]) await step(engine);
  const [expected, found] = await Promise.all(
    [whole, tight].map((engine) => engine.weights.logprobs({ sequences }, 'policy')),
  );
  for (const [i, values] of expected!.entries())
    for (const [t, value] of values.entries()) expect(found![i]![t]).toBeCloseTo(value, 3);
  await tight.learner.saveState(join(scratch, 'tight-state'));
  await using resumed = await open('320MiB');
  await resumed.learner.loadState(join(scratch, 'tight-state'));
  for (const engine of [tight, resumed]) await step(engine);
  expect(await resumed.weights.logprobs({ sequences }, 'policy')).toEqual(
    await tight.weights.logprobs({ sequences }, 'policy'),
  );
});
