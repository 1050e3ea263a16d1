import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Engine } from '../../src/engines/engine.ts';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import { initialWeights, parameterLayout } from '../../src/engines/embedded/parameters.ts';
import { openModelFolder, writeModelFolder } from '../../src/engines/model-files/model-folder.ts';
import { engineConformance } from './engine.ts';

const small = 'test/golden/parity-qwen2';
// Two lanes and few slots: rows are refilled, lanes share prompts, and nothing of it may show.
const settings = { lanes: 2, slots: 16, exportType: 'f32' } as const;

const scratch = await mkdtemp(join(tmpdir(), 'embedded-conformance-'));
afterAll(() => rm(scratch, { recursive: true }));

engineConformance('the embedded engine', {
  open: (exported) => openEmbeddedEngine({ model: exported ?? small, ...settings }),
  openLarge,
  logprobTolerance: 1e-5,
  isBatchInvariant: true,
});

/** The small model with wider layers: 4.4 million weights. */
async function openLarge(): Promise<Engine> {
  const folder = await openModelFolder(small);
  const config = { ...folder.config, hiddenSize: 384, intermediateSize: 1536, headSize: 96 };
  const weights = initialWeights(config, 1);
  const tensors = parameterLayout(config).entries.map(({ name, shape, offset, length }) => {
    return { name, shape, data: weights.subarray(offset, offset + length) };
  });
  const { endTokens } = folder.tokenizer;
  const content = { config, tensors, weightType: 'bf16', companionsFrom: small, endTokens } as const;
  await writeModelFolder(scratch, content);
  return openEmbeddedEngine({ model: scratch, ...settings });
}
