import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openEmbeddedEngine } from '../../engines/embedded/engine.ts';
import { deepenModel } from './deepen-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-deeper-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a deepened model makes the same predictions as the original', async () => {
  const model = 'models/gradus-tiny';
  await deepenModel(model, folder, 2);
  await using shallow = await openEmbeddedEngine({ model, lanes: 1 });
  await using deep = await openEmbeddedEngine({ model: folder, lanes: 1 });
  expect(deep.sampler.info.parameters! - shallow.sampler.info.parameters!).toBeGreaterThan(2e5);
  const tokens = shallow.renderer.encode('75+19=?49;\\boxed{94}');
  const batch = { sequences: [{ tokens }] };
  const [before] = await shallow.weights.logprobs(batch, 'policy');
  const [after] = await deep.weights.logprobs(batch, 'policy');
  for (const [t, value] of before!.entries()) expect(after![t]).toBeCloseTo(value, 4);
});
