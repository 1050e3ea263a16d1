import type { GroupsQuery } from '../../../../src/services/dashboard/views/groups.ts';
import type { RolloutFilter } from '../../../../src/services/dashboard/views/rollout-filter.ts';
import type { RolloutsQuery } from '../../../../src/services/dashboard/views/rollouts.ts';

/** Filters of which several values may hold at once, and what they are called. */
export const choices = [
  ['stage', 'Stage'],
  ['solved', 'Group solved'],
  ['outcome', 'Verdict'],
  ['finish', 'Ended by'],
  ['level', 'Level'],
  ['domain', 'Domain'],
  ['family', 'Family'],
  ['purpose', 'Purpose'],
] as const;

/** Filters that are numbers, as the address names them, and what the server calls them. */
export const numbers = [
  ['from', 'fromStep'],
  ['to', 'toStep'],
  ['minReward', 'minReward'],
  ['maxReward', 'maxReward'],
  ['minTokens', 'minTokens'],
  ['maxTokens', 'maxTokens'],
] as const;

/** Every filter there is, to remove them all. */
export const noFilters = Object.fromEntries(
  [...choices, ...numbers, ['problem'], ['suspicious']].map(([name]) => [name, '']),
);

/** The filters in an address, as the server takes them; what is not a number is passed over. */
export function filterOf(query: URLSearchParams): RolloutFilter {
  const filter: Record<string, unknown> = {};
  for (const [name] of choices) if (query.has(name)) filter[name] = query.getAll(name);
  for (const [name, as] of numbers) {
    const value = query.get(name);
    if (value !== null && Number.isFinite(Number(value))) filter[as] = Number(value);
  }
  if (query.has('problem')) filter['problem'] = query.get('problem');
  if (query.has('suspicious')) filter['suspicious'] = 'true';
  // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- the server checks the values
  return filter as RolloutFilter;
}

/** How the table is sorted: `rate`, or `-rate` for the largest first; absent: the newest first. */
export function sortOf<S extends string>(
  query: URLSearchParams,
  known: readonly S[],
): { sort: S; order: 'asc' | 'desc' } {
  const asked = query.get('sort') ?? '-recorded';
  const sort = known.find((name) => name === asked.replace(/^-/u, ''));
  return sort === undefined
    ? { sort: known[0]!, order: 'desc' }
    : { sort, order: asked.startsWith('-') ? 'desc' : 'asc' };
}

/** What the table of groups can be sorted by. */
export const groupSorts = [
  'recorded',
  'step',
  'problem',
  'rate',
  'reward',
  'tokens',
] as const satisfies readonly NonNullable<GroupsQuery['sort']>[];

/** What the table of single rollouts can be sorted by. */
export const rolloutSorts = [
  'recorded',
  'step',
  'problem',
  'score',
  'reward',
  'advantage',
  'tokens',
] as const satisfies readonly NonNullable<RolloutsQuery['sort']>[];
