import { sum } from '../../../src/statistics/summary.ts';
import type { ProblemRow, ProblemsQuery } from '../../../src/services/dashboard/views/rollouts/problems.ts';
import type { Group, GroupsQuery } from '../../../src/services/dashboard/views/rollouts/groups.ts';
import type { Page } from '../../../src/services/dashboard/views/page.ts';
import type { RolloutLine, RolloutsQuery } from '../../../src/services/dashboard/views/rollouts/rollouts.ts';

/** The tables of an exported run. */
export interface ExportedTables {
  readonly groups: readonly Group[];
  readonly rollouts: readonly RolloutLine[];
}

/**
 * Lists the groups that match a filter. Like the other tables here, it returns the same rows in the same order as the
 * dashboard's SQL (`test/server/tables.test.ts` compares them).
 */
export function groupTable({ groups, rollouts }: ExportedTables, query: GroupsQuery): Page<Group> {
  const tests = attemptTests(query);
  const met =
    tests.length === 0
      ? undefined
      : new Set(rollouts.filter((line) => tests.every((test) => test(line))).map(({ group }) => group));
  const rows = groups.filter((group) => isGroup(group, query) && (met === undefined || met.has(group.id)));
  const keys: Readonly<Record<NonNullable<GroupsQuery['sort']>, (group: Group) => Key>> = {
    recorded: ({ id }) => id,
    step: ({ step }) => step,
    problem: ({ problemId }) => problemId,
    rate: ({ correct, trials }) => (trials === 0 ? null : correct / trials),
    reward: ({ meanReward }) => meanReward,
    tokens: ({ meanTokens }) => meanTokens,
  };
  return pageOf(rows, query, [keys[query.sort ?? 'recorded'], ({ id }) => id]);
}

/** Lists the rollouts that match a filter. */
export function rolloutTable({ groups, rollouts }: ExportedTables, query: RolloutsQuery): Page<RolloutLine> {
  const tests = attemptTests(query);
  const found = new Set(groups.filter((group) => isGroup(group, query)).map(({ id }) => id));
  const rows = rollouts.filter((line) => found.has(line.group) && tests.every((test) => test(line)));
  const keys: Readonly<Record<NonNullable<RolloutsQuery['sort']>, (line: RolloutLine) => Key>> = {
    recorded: ({ group }) => group,
    step: ({ step }) => step,
    problem: ({ problemId }) => problemId,
    score: ({ score }) => score,
    reward: ({ reward }) => reward,
    advantage: ({ advantage }) => advantage,
    tokens: ({ tokens }) => tokens,
  };
  return pageOf(rows, query, [keys[query.sort ?? 'recorded'], ({ group }) => group, ({ index }) => index]);
}

/** Lists the problems of the groups that match a filter, by default the hardest first. */
export function problemTable({ groups, rollouts }: ExportedTables, query: ProblemsQuery): Page<ProblemRow> {
  const byProblem = Map.groupBy(
    groups.filter((group) => isGroup(group, query)),
    ({ problemId }) => problemId,
  );
  const lines = Map.groupBy(rollouts, ({ group }) => group);
  const rows = Array.from(byProblem.values(), (visits) => summedUp(visits, lines));
  const keys: Readonly<Record<NonNullable<ProblemsQuery['sort']>, readonly ((row: ProblemRow) => Key)[]>> = {
    rate: [({ rate }) => rate, ({ trials }) => trials],
    problem: [],
    trials: [({ trials }) => trials],
    lastStep: [({ lastStep }) => lastStep],
  };
  const sorted = [...keys[query.sort ?? 'rate'], ({ problemId }: ProblemRow) => problemId];
  return pageOf(rows, { order: 'asc', ...query }, sorted);
}

function summedUp(visits: readonly Group[], lines: ReadonlyMap<number, readonly RolloutLine[]>): ProblemRow {
  const last = visits.reduce((one, other) => (other.id > one.id ? other : one));
  const correct = sum(visits.map((visit) => visit.correct));
  const trials = sum(visits.map((visit) => visit.trials));
  const { problemId, domain, family, knob, level } = last;
  return {
    problemId,
    domain,
    family,
    knob,
    level,
    groups: visits.length,
    correct,
    trials,
    rate: (correct + 0.5) / (trials + 1),
    lastGroup: last.id,
    lastStep: last.step,
    failure: failureOf(lines.get(last.id) ?? []),
  };
}

function failureOf(lines: readonly RolloutLine[]): ProblemRow['failure'] {
  const failed = Map.groupBy(
    lines.filter(({ outcome }) => outcome !== 'correct'),
    ({ outcome }) => outcome,
  );
  const [most] = [...failed].toSorted((a, b) => b[1].length - a[1].length || (a[0] < b[0] ? 1 : -1));
  if (most === undefined) return null;
  const [reason] = most[1].map((line) => line.reason).toSorted();
  return { outcome: most[0], count: most[1].length, reason: reason! };
}

type GroupFilter = Pick<
  GroupsQuery,
  'stage' | 'purpose' | 'domain' | 'family' | 'level' | 'fromStep' | 'toStep' | 'problem' | 'solved'
>;

function isGroup(group: Group, filter: GroupFilter): boolean {
  const { fromStep, toStep, problem, solved } = filter;
  return (
    isOneOf(group.stage, filter.stage) &&
    isOneOf(group.purpose, filter.purpose) &&
    isOneOf(group.domain, filter.domain) &&
    isOneOf(group.family, filter.family) &&
    isOneOf(group.level, filter.level) &&
    (fromStep === undefined || group.step >= fromStep) &&
    (toStep === undefined || group.step <= toStep) &&
    (problem === undefined || folded(group.problemId).includes(folded(problem))) &&
    (solved === undefined || solved.some((kind) => isSolved(group, kind)))
  );
}

function isSolved({ correct, trials }: Group, kind: 'none' | 'some' | 'all'): boolean {
  if (kind === 'some') return correct > 0 && correct < trials;
  return trials > 0 && correct === (kind === 'all' ? trials : 0);
}

/** Folds only ASCII letters, like SQLite's LIKE. */
const folded = (text: string): string => text.replaceAll(/[A-Z]/gu, (letter) => letter.toLowerCase());

const isOneOf = <T>(value: T | null, wanted: readonly T[] | undefined): boolean =>
  wanted === undefined || (value !== null && wanted.includes(value));

/** Returns the predicates of a filter on each rollout; empty if it has none. */
function attemptTests(filter: RolloutsQuery | GroupsQuery): ((line: RolloutLine) => boolean)[] {
  const { outcome, finish, minReward, maxReward, minTokens, maxTokens, suspicious } = filter;
  return [
    outcome && ((line: RolloutLine) => outcome.includes(line.outcome)),
    finish && ((line: RolloutLine) => finish.includes(line.finishReason)),
    minReward !== undefined && (({ reward }: RolloutLine) => reward !== null && reward >= minReward),
    maxReward !== undefined && (({ reward }: RolloutLine) => reward !== null && reward <= maxReward),
    minTokens !== undefined && (({ tokens }: RolloutLine) => tokens >= minTokens),
    maxTokens !== undefined && (({ tokens }: RolloutLine) => tokens <= maxTokens),
    suspicious && (({ flags }: RolloutLine) => flags.length > 0),
  ].filter((test) => typeof test === 'function');
}

type Key = number | string | null;

/** Sorts rows and returns one page. Rows without the sorted value come last in either order. */
function pageOf<T>(
  rows: readonly T[],
  {
    order = 'desc',
    limit = 100,
    cursor = '0',
  }: { order?: 'asc' | 'desc' | undefined; limit?: number | undefined; cursor?: string | undefined },
  keys: readonly ((row: T) => Key)[],
): Page<T> {
  const sign = order === 'asc' ? 1 : -1;
  const sorted = rows.toSorted((a, b) => {
    for (const key of keys) {
      const [one, other] = [key(a), key(b)];
      if (one === other) continue;
      if (one === null || other === null) return one === null ? 1 : -1;
      return one < other ? -sign : sign;
    }
    return 0;
  });
  const start = Number(cursor);
  const end = start + limit;
  return {
    rows: sorted.slice(start, end),
    total: rows.length,
    next: end < rows.length ? String(end) : null,
  };
}
