import { rmSync } from 'node:fs';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { outcomes } from '../../src/core/verdict.ts';
import { openRunReader, type RunReader } from '../../src/runs/reading/run-reader.ts';
import { groupsQuery, groupsView } from '../../src/services/dashboard/views/rollouts/groups.ts';
import type { Page } from '../../src/services/dashboard/views/page.ts';
import { problemsQuery, problemsView } from '../../src/services/dashboard/views/rollouts/problems.ts';
import { rolloutsQuery, rolloutsView } from '../../src/services/dashboard/views/rollouts/rollouts.ts';
import { groupTable, problemTable, rolloutTable } from '../../web/src/data/static-tables.ts';
import { makeFastFolder } from '../runs/fast-folder.ts';
import { recordShown, smallShown } from './shown-run.ts';

const root = makeFastFolder('tables');
let run: RunReader;
let tables: Parameters<typeof groupTable>[0];

beforeAll(async () => {
  await using written = await recordShown(root, smallShown);
  run = await openRunReader(written.directory);
  tables = {
    groups: allPages((cursor) => groupsView(run, groupsQuery.parse({ cursor, limit: 7 }))),
    rollouts: allPages((cursor) => rolloutsView(run, rolloutsQuery.parse({ cursor, limit: 11 }))),
  };
});
afterAll(() => {
  run[Symbol.dispose]();
  rmSync(root, { recursive: true });
});

/** Reads all pages by their cursors. */
function allPages<T>(ask: (cursor: string | undefined) => Page<T>): T[] {
  const first = ask(undefined);
  const rows = [...first.rows];
  for (let { next } = first; next !== null;) {
    const page = ask(next);
    rows.push(...page.rows);
    next = page.next;
  }
  expect(rows).toHaveLength(first.total);
  return rows;
}

const some = <T>(...values: readonly T[]) => fc.subarray([...values], { minLength: 1 });
const groupFields = {
  stage: some('stage-1', 'stage-2', 'none'),
  purpose: some('train', 'evaluate'),
  domain: some('math', 'code'),
  family: some('addition', 'division', 'sequences'),
  level: some('easy', 'medium', 'hard'),
  fromStep: fc.integer({ min: 0, max: 12 }),
  toStep: fc.integer({ min: 0, max: 12 }),
  problem: fc.constantFrom('ADDITION', '_', '%', "ü'", 'Ü', 'a b', '\\', '1'),
} as const;
const filterFields = {
  ...groupFields,
  solved: some('none', 'some', 'all'),
  outcome: some(...outcomes),
  finish: some('stop', 'length'),
  minReward: fc.constantFrom(0, 0.5, 1),
  maxReward: fc.constantFrom(0, 0.5, 1),
  minTokens: fc.integer({ min: 0, max: 6 }),
  maxTokens: fc.integer({ min: 0, max: 6 }),
  suspicious: fc.constant('true'),
} as const;
const order = fc.constantFrom('asc', 'desc');
const limit = fc.integer({ min: 1, max: 20 });
const optional: { requiredKeys: [] } = { requiredKeys: [] };

test('SQL and exported pages return the same groups, page by page', () => {
  const sort = fc.constantFrom(...groupsQuery.shape.sort.unwrap().options);
  fc.assert(
    fc.property(fc.record({ ...filterFields, sort, order, limit }, optional), (generated) => {
      const query = generated as Parameters<typeof groupTable>[1];
      const served = allPages((cursor) => groupsView(run, groupsQuery.parse({ ...query, cursor })));
      const carried = allPages((cursor) => groupTable(tables, { ...query, cursor }));
      expect(served).toEqual(carried);
    }),
    { numRuns: 300 },
  );
});

test('SQL and exported pages return the same rollouts, page by page', () => {
  const sort = fc.constantFrom(...rolloutsQuery.shape.sort.unwrap().options);
  fc.assert(
    fc.property(fc.record({ ...filterFields, sort, order, limit }, optional), (generated) => {
      const query = generated as Parameters<typeof rolloutTable>[1];
      const served = allPages((cursor) => rolloutsView(run, rolloutsQuery.parse({ ...query, cursor })));
      const carried = allPages((cursor) => rolloutTable(tables, { ...query, cursor }));
      expect(served).toEqual(carried);
    }),
    { numRuns: 300 },
  );
});

test('SQL and exported pages return the same problems, page by page', () => {
  const sort = fc.constantFrom(...problemsQuery.shape.sort.unwrap().options);
  fc.assert(
    fc.property(fc.record({ ...groupFields, sort, order, limit }, optional), (generated) => {
      const query = generated as Parameters<typeof problemTable>[1];
      const served = allPages((cursor) => problemsView(run, problemsQuery.parse({ ...query, cursor })));
      const carried = allPages((cursor) => problemTable(tables, { ...query, cursor }));
      expect(served).toEqual(carried);
    }),
    { numRuns: 300 },
  );
});

test('the tables contain every recorded group and rollout', () => {
  const groups = smallShown.stages * smallShown.stepsPerStage * smallShown.groupsPerStep;
  expect(tables.groups).toHaveLength(groups);
  expect(tables.rollouts).toHaveLength(groups * smallShown.rollouts);
  const judged = tables.groups.map(({ outcomes: counts }) => counts.correct ?? 0);
  expect(judged).toEqual(tables.groups.map(({ correct }) => correct));
  expect(tables.rollouts.some(({ flags }) => flags.length > 0)).toBe(true);
  const flagged = tables.groups.reduce((sum, { suspicious }) => sum + suspicious, 0);
  expect(flagged).toBe(tables.rollouts.filter(({ flags }) => flags.length > 0).length);
});
