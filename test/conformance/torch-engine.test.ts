import { rm } from 'node:fs/promises';
import { afterAll, describe } from 'vitest';
import type { TorchOptions } from '../../src/engines/torch/config.ts';
import { openTorchEngine } from '../../src/engines/torch/engine.ts';
import { hasCuda, hasTorch } from '../worker/environment.ts';
import { engineConformance, type EngineUnderTest } from './engine.ts';
import { smallModel, writeLargeModel } from './large-model.ts';
import { makeFastFolder } from '../runs/fast-folder.ts';

const scratch = makeFastFolder('torch-conformance');
afterAll(() => rm(scratch, { recursive: true }));

const timeout = 120_000;

/** Uses few slots and small microbatches: rows are refilled and gradients accumulated, which must not affect results. */
const under = (settings: TorchOptions): EngineUnderTest => {
  const options = { slots: 64, tokensPerMicrobatch: 64, exportType: 'f32', ...settings } as const;
  return {
    open: (exported) => openTorchEngine({ model: exported ?? smallModel, ...options }),
    openLarge: async () => {
      await writeLargeModel(scratch);
      return openTorchEngine({ model: scratch, ...options });
    },
    logprobTolerance: 1e-4,
    isBatchInvariant: false,
  };
};

describe.skipIf(!hasTorch)('with a Python environment (npx gradus doctor --fix)', { timeout }, () => {
  engineConformance('PyTorch on the CPU', under({ device: 'cpu' }));
});

describe.skipIf(!hasCuda)('with a CUDA device', { timeout }, () => {
  engineConformance('PyTorch on CUDA', under({ device: 'cuda', dtype: 'float32' }));
});
