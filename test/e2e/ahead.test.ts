import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { createRng } from '../../src/core/rng.ts';
import { runDigest } from '../runs/run-digest.ts';
import { openRunReader } from '../../src/runs/reading/run-reader.ts';
import { gradus, startGradus } from './gradus.ts';
import { makeFastFolder } from '../runs/fast-folder.ts';

const recipe = resolve('test/e2e/ahead-recipe.ts');
const root = makeFastFolder('ahead');
afterAll(() => rmSync(root, { recursive: true, force: true }));

test(
  'two runs with rollouts ahead of learning give the same bits, as does one killed at five points',
  { timeout: 900_000 },
  async () => {
    for (const runs of ['first', 'second'])
      expect(await gradus(root, 'train', recipe, '--runs', runs)).toMatchObject({ code: 0 });
    const expected = await runDigest(join(root, 'first', 'ahead-0001'));
    expect(await runDigest(join(root, 'second', 'ahead-0001'))).toEqual(expected);

    const rng = createRng(3, 'kill moments');
    const directory = join(root, 'killed', 'ahead-0001');
    for (const [kill, step] of [1, 3, 4, 7, 9].entries()) {
      const words = kill === 0 ? ['train', recipe, '--runs', 'killed'] : ['resume', directory];
      const { child, ended } = startGradus(root, words);
      while ((await stepOf(directory)) < step) await sleep(20);
      await sleep(100 * rng.next());
      child.kill('SIGKILL');
      expect(await ended).toMatchObject({ code: null });
    }
    expect(await gradus(root, 'resume', directory)).toMatchObject({ code: 0 });
    expect(await runDigest(directory)).toEqual(expected);

    using reader = await openRunReader(directory);
    expect(reader.sessions()).toHaveLength(6);
    const { values } = reader.metric('rollout/offPolicySteps/max');
    expect(Array.from(values)).toEqual([0, 1, 2, 2, 2, 2, 0, 1, 2, 2]);
    const rows = await reader.rollouts(reader.groups({ step: 3 }), ['off_policy_steps', 'policy_version']);
    expect(rows.length).toBeGreaterThanOrEqual(32);
    expect(new Set(rows.map((row) => row.off_policy_steps))).toEqual(new Set([0, 2]));
    for (const { policy_version: version, off_policy_steps: age } of rows)
      expect(version === 0).toBe(age === 2);
  },
);

/** Returns the number of recorded steps; 0 for a run that does not exist yet. */
async function stepOf(directory: string): Promise<number> {
  const reader = await openRunReader(directory).catch(() => undefined);
  try {
    return reader?.summary().step ?? 0;
  } finally {
    reader?.[Symbol.dispose]();
  }
}
