import type { GroupsQuery } from '../../../../src/services/dashboard/views/rollouts/groups.ts';
import type { RolloutFilter } from '../../../../src/services/dashboard/views/rollouts/rollout-filter.ts';
import type { SearchQuery } from '../../../../src/services/dashboard/views/texts/search.ts';
import type { RolloutsQuery } from '../../../../src/services/dashboard/views/rollouts/rollouts.ts';

/** Filters that accept several values, with their labels. */
export const choices = [
  ['stage', 'Stage'],
  ['solved', 'Group solved'],
  ['outcome', 'Verdict'],
  ['finish', 'Finish reason'],
  ['level', 'Level'],
  ['domain', 'Domain'],
  ['family', 'Family'],
  ['purpose', 'Purpose'],
] as const;

/** Filters of the search on turns, for runs with tools or given starts. */
export const turnChoices = [
  ['call', 'Tool call', ['ok', 'failed', 'malformed', 'refused', 'none']],
  ['start', 'Start', ['prompt', 'given']],
] as const;

/** Numeric filters: their names in the URL and in the server's query. */
export const numbers = [
  ['from', 'fromStep'],
  ['to', 'toStep'],
  ['minReward', 'minReward'],
  ['maxReward', 'maxReward'],
  ['minTokens', 'minTokens'],
  ['maxTokens', 'maxTokens'],
] as const;

/** Changes that remove every filter. */
export const noFilters = Object.fromEntries(
  [
    ...choices,
    ...numbers,
    ...turnChoices,
    ['problem'],
    ['suspicious'],
    ['minTurns'],
    ['text'],
    ['field'],
  ].map(([name]) => [name, '']),
);

/** Converts the filters in the URL to the server's query; ignores values that should be numbers but are not. */
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

/** Converts the filters in the URL to a query of the search. */
export function searchOf(query: URLSearchParams): SearchQuery {
  const minTurns = Number(query.get('minTurns') ?? '');
  const search = {
    ...filterOf(query),
    ...(query.has('text') && { text: query.get('text') }),
    ...(query.has('field') && { field: query.getAll('field') }),
    ...(query.has('call') && { call: query.getAll('call') }),
    // Omit the filter if both kinds of start are selected, because together they include all attempts.
    ...(query.getAll('start').length === 1 && { start: query.get('start') }),
    ...(minTurns > 1 && { minTurns }),
  };
  return search as SearchQuery;
}

/** Reads the sort order from the URL: `rate` ascending, `-rate` descending; default: newest first. */
export function sortOf<S extends string>(
  query: URLSearchParams,
  known: readonly S[],
): { sort: S; order: 'asc' | 'desc' } {
  const text = query.get('sort') ?? '-recorded';
  const sort = known.find((name) => name === text.replace(/^-/u, ''));
  return sort === undefined
    ? { sort: known[0]!, order: 'desc' }
    : { sort, order: text.startsWith('-') ? 'desc' : 'asc' };
}

/** Sort keys of the table of groups. */
export const groupSorts = [
  'recorded',
  'step',
  'problem',
  'rate',
  'reward',
  'tokens',
] as const satisfies readonly NonNullable<GroupsQuery['sort']>[];

/** Sort keys of the table of single rollouts. */
export const rolloutSorts = [
  'recorded',
  'step',
  'problem',
  'score',
  'reward',
  'advantage',
  'tokens',
] as const satisfies readonly NonNullable<RolloutsQuery['sort']>[];
