import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeFastFolder } from '../../../test/runs/fast-folder.ts';
import { recordShown, shownGroup, smallShown } from '../../../test/server/shown-run.ts';
import { createRng } from '../../core/rng.ts';
import type { AuthoredMessage, CallOutcome } from '../../core/transcript.ts';
import { runLayout } from '../files/layout.ts';
import { openRun } from '../writing/open-run.ts';
import type { Run } from '../writing/run.ts';
import { openRunReader, type RunReader } from './run-reader.ts';
import { openTextIndex, placeOfId, type TextIndex, type TextQuery } from './text-index.ts';

const root = makeFastFolder('text-index');
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Returns the positions of all rollouts, grouped by text, newest first. */
async function placesByText(run: RunReader): Promise<ReadonlyMap<string, string[]>> {
  const groups = run.groups();
  const rows = await run.rollouts(groups, ['text']);
  const places = groups.flatMap(({ id, rollouts }) =>
    Array.from({ length: rollouts }, (_, index) => `${id}-${index}`),
  );
  const byText = Map.groupBy(places.keys(), (at) => rows[at]!.text);
  return new Map(Array.from(byText, ([text, found]) => [text, found.toReversed().map((at) => places[at]!)]));
}

/** Returns, for each number, the positions that the index finds and those that a scan finds. */
async function searched(run: RunReader, index: TextIndex) {
  const scanned = await placesByText(run);
  const numbers = Array.from({ length: 100 }, (_, number) => number);
  const found = numbers.map((number) =>
    index
      .find({ text: `boxed ${number}`, fields: ['completion'] }, 1000)
      .map(placeOfId)
      .map(({ group, index: place }) => `${group}-${place}`),
  );
  return { found, expected: numbers.map((number) => scanned.get(`answer \\boxed{${number}}`) ?? []) };
}

/** Records some steps with two groups each. */
async function recordSteps(run: Run, seed: number, steps: number): Promise<void> {
  const rng = createRng(seed, 'steps');
  for (let n = 0; n < steps; n++) {
    const step = run.step + 1;
    const groups = [shownGroup(rng, smallShown, step), shownGroup(rng, smallShown, step)];
    await run.recordStep({ step, stage: 'more', metrics: {}, groups });
  }
}

test('grows with a run, and finds the same rollouts as a scan, newest first', async () => {
  await using written = await recordShown(root, smallShown);
  using run = await openRunReader(written.directory);
  {
    using index = openTextIndex(run);
    const progress = await index.extend(run, 0);
    expect(progress.indexed).toBeLessThan(progress.total);
    expect(await index.extend(run, 10_000)).toEqual({ indexed: 36, total: 36 });
  }
  await recordSteps(written, 1, 2);
  using index = openTextIndex(run);
  expect(await index.extend(run, 10_000)).toEqual({ indexed: 40, total: 40 });
  const { found, expected } = await searched(run, index);
  expect(found).toEqual(expected);
  const [newest] = index.find({ text: 'what', fields: ['prompt'] }, 1);
  expect(placeOfId(newest!).index).toBeNull();
  expect(index.find({ text: 'what' }, 1000)).toHaveLength(new Set(run.groups().map((g) => g.problemId)).size);
  const page = index.find({ text: 'boxed' }, 5);
  expect(index.find({ text: 'boxed' }, 5, page.at(-1))).not.toContain(page.at(-1));
});

test('drops the documents of groups that a resumed run computes again', async () => {
  const checkpoint = {
    controllerState: {},
    writeEngineState: async (folder: string) => {
      await mkdir(folder);
    },
    retention: { keepLast: 1, keepStageEnds: true, keepBest: false },
  };
  const written = await recordShown(root, smallShown);
  await written.saveCheckpoint(checkpoint);
  await recordSteps(written, 1, 3);
  const { directory } = written;
  {
    using run = await openRunReader(directory);
    using index = openTextIndex(run);
    await index.extend(run, 10_000);
  }
  await written[Symbol.asyncDispose]();
  await using resumed = await openRun(directory);
  await recordSteps(resumed, 2, 2);
  using run = await openRunReader(directory);
  using index = openTextIndex(run);
  await index.extend(run, 10_000);
  const { found, expected } = await searched(run, index);
  expect(found).toEqual(expected);
});

test('finds attempts by tool outcome, start and number of turns', async () => {
  await using written = await recordShown(root, { ...smallShown, stages: 1, stepsPerStage: 1 });
  const recorded = shownGroup(createRng(3, 'turns'), smallShown, 2);
  const asked = { role: 'user', content: 'how many?', author: 'problem' } as const;
  const call = (outcome: CallOutcome) => [{ tool: 'search@1', arguments: 'x', outcome, result: 'a result' }];
  const policy = (content: string, outcome?: CallOutcome): AuthoredMessage => ({
    role: 'assistant',
    content,
    author: 'policy',
    ...(outcome !== undefined && { calls: call(outcome) }),
  });
  const reply = { role: 'tool', content: 'zebras', author: 'environment' } as const;
  const begun = { role: 'assistant', content: 'a given start', author: 'start' } as const;
  const messages: AuthoredMessage[][] = [
    [asked, policy('look', 'ok'), reply, policy('done')],
    [asked, policy('look', 'ok'), reply, policy('again', 'failed'), reply, policy('done')],
    [asked, begun, policy('and its end')],
    [asked, policy('an answer')],
  ];
  const rollouts = recorded.group.rollouts.map((rollout, index) => ({
    ...rollout,
    transcripts: [{ ...rollout.transcripts[0]!, messages: messages[index]! }],
  }));
  const group = { ...recorded, group: { ...recorded.group, rollouts } };
  await written.recordStep({ step: 2, stage: 'turns', metrics: {}, groups: [group] });
  using run = await openRunReader(written.directory);
  using index = openTextIndex(run);
  await index.extend(run, 10_000);
  const last = run.groups().at(-1)!.id;
  const places = (query: TextQuery): (number | null)[] =>
    index
      .find(query, 1000)
      .map(placeOfId)
      .filter((place) => place.group === last)
      .map((place) => place.index);
  expect(places({ calls: ['ok'] })).toEqual([1, 0]);
  expect(places({ calls: ['failed', 'malformed'] })).toEqual([1]);
  expect(places({ calls: ['none', 'failed'] })).toEqual([3, 2, 1]);
  expect(places({ start: 'given' })).toEqual([2]);
  expect(places({ start: 'prompt', minTurns: 2 })).toEqual([1, 0]);
  expect(places({ minTurns: 3 })).toEqual([1]);
  expect(places({ text: 'zebras', calls: ['failed'] })).toEqual([1]);
  expect(places({ text: 'given', start: 'given' })).toEqual([2]);
});

test('is rebuilt if it is damaged, and kept in memory if its file cannot be written or is a link', async () => {
  await using written = await recordShown(root, smallShown);
  using run = await openRunReader(written.directory);
  const { search } = runLayout(written.directory);
  writeFileSync(search, 'no database, but long enough to be read as one'.repeat(100));
  {
    using index = openTextIndex(run);
    expect(await index.extend(run, 10_000)).toEqual({ indexed: 36, total: 36 });
    expect(index.isTemporary).toBe(false);
  }
  rmSync(search);
  const hinder = [
    () => mkdirSync(join(search, 'inside'), { recursive: true }),
    () => symlinkSync(join(root, 'elsewhere.sqlite'), search),
  ];
  for (const put of hinder) {
    put();
    using index = openTextIndex(run);
    expect(index.isTemporary).toBe(true);
    await index.extend(run, 10_000);
    const { found, expected } = await searched(run, index);
    expect(found).toEqual(expected);
    rmSync(search, { recursive: true });
  }
});
