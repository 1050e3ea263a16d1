import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunReader } from '../../../runs/reading/run-reader.ts';
import type { SuiteComparison } from './comparison.ts';
import { createOutcomeView } from './outcome.ts';

/** Creates a run with this id and number of evaluations, in a folder that does not exist. */
const runAt = (id: string, folder: string, evaluations: number): RunReader =>
  ({
    directory: join(tmpdir(), 'gradus-no-such-run', folder),
    summary: () => ({ id }),
    lists: (query: string) => (query.includes('FROM groups') ? [] : [[evaluations]]),
    sessions: () => [],
  }) as unknown as RunReader;

test('compares a run once per evaluation, and copies of a run separately', async () => {
  const compared: string[] = [];
  const view = createOutcomeView(async (directory) => {
    compared.push(directory.at(-1)!);
    return [{ suite: directory.at(-1)! } as SuiteComparison];
  });
  const suiteOf = async (run: RunReader) => (await view(run)).suites[0]!.suite;
  expect(await suiteOf(runAt('id', 'a', 2))).toBe('a');
  expect(await suiteOf(runAt('id', 'a', 2))).toBe('a');
  expect(await suiteOf(runAt('id', 'b', 2))).toBe('b');
  expect(compared).toEqual(['a', 'b']);
  await view(runAt('id', 'a', 3));
  // A new run may have the folder of a deleted run.
  await view(runAt('other', 'a', 3));
  expect(compared).toEqual(['a', 'b', 'a', 'a']);
});
