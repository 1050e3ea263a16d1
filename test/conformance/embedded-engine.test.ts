import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import { engineConformance } from './engine.ts';

// Two lanes and few slots: rows are refilled, lanes share prompts, and nothing of it may show.
engineConformance('the embedded engine', {
  open: (exported) =>
    openEmbeddedEngine({
      model: exported ?? 'test/golden/parity-qwen2',
      lanes: 2,
      slots: 16,
      exportType: 'f32',
    }),
  logprobTolerance: 1e-5,
  isBatchInvariant: true,
});
