import { rm } from 'node:fs/promises';
import { afterAll } from 'vitest';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
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
