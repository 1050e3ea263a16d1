import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findPython } from '../../src/engines/torch/python.ts';
import { openRunReader } from '../../src/runs/reading/run-reader.ts';
import { hasTorch } from '../worker/environment.ts';
import { gradus, makeWorkplace, sums, tinyRecipe, writeRows } from './gradus.ts';

const folder = makeWorkplace('tinker');
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeRows(join(folder, 'problems.jsonl'), sums);
// A Python in which the stand-in of the worker's tests replaces the Tinker SDK.
const python = join(folder, 'python');
const standIn = resolve('worker/tests/fake_tinker');
writeFileSync(
  python,
  `#!/bin/sh\nexport PYTHONPATH=${standIn}:$PYTHONPATH FAKE_TINKER_FOLDER=${folder}/service\nexec ${findPython()} "$@"\n`,
);
chmodSync(python, 0o755);
// A random model solves nothing, so reward its texts by their length.
writeFileSync(
  join(folder, 'judge.mjs'),
  `export default () => ({
    verify: (_, text) => ({ outcome: text.length % 2 === 0 ? 'correct' : 'incorrect', reason: 'length' }),
  });`,
);
const tinker = { baseModel: join(folder, 'model'), rank: 2 };
const recipe = tinyRecipe({
  policy: { model: 'model', engine: { type: 'torch', python, tinker } },
  verifiers: { math: { type: 'custom', module: './judge.mjs' } },
  algorithm: { type: 'dapo' },
  batch: { problems: 2, groupSize: 4 },
});
writeFileSync(join(folder, 'recipe.json'), JSON.stringify(recipe));

test.skipIf(!hasTorch)(
  'trains on a Tinker service and exports its address (skipped without a Python environment)',
  { timeout: 240_000 },
  async () => {
    expect(await gradus(folder, 'train', 'recipe.json')).toMatchObject({ code: 0 });
    const run = join(folder, 'runs', 'tiny-0001');
    expect(existsSync(join(run, 'export', 'tinker.json'))).toBe(true);
    using reader = await openRunReader(run);
    expect(reader.metric('optim/loss').values).toHaveLength(2);
    expect(reader.metric('optim/gradNorm').values).toHaveLength(0);
    expect([...reader.metric('engine/sampler/publishes').values].at(-1)).toBeGreaterThan(1);
  },
);
