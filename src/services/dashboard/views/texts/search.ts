import * as z from 'zod';
import type { Outcome } from '../../../../core/verdict.ts';
import { groupRows } from '../../../../runs/reading/group-rows.ts';
import { extractedAnswer, rowTurns } from '../../../../runs/reading/row-turns.ts';
import type { RunReader } from '../../../../runs/reading/run-reader.ts';
import {
  callFilters,
  type IndexProgress,
  isUnusableIndex,
  openTextIndex,
  placeOfId,
  replaceTextIndex,
  type TextIndex,
  type TextPlace,
} from '../../../../runs/reading/text-index.ts';
import { findMatch, type TextField, textFields } from '../../../../runs/reading/text-query.ts';
import type { Group } from '../rollouts/groups.ts';
import { attemptCondition, groupCondition, rolloutFilter } from '../rollouts/rollout-filter.ts';
import { all } from '../sql.ts';

/** `GET /api/runs/:run/search`: search by words in prompts, answers and completions, and by turns. */
export const searchQuery = z.strictObject({
  ...rolloutFilter.shape,
  /** Words that must all occur; `"several words"` is a phrase, `begin*` a prefix. */
  text: z.string().max(1000).optional(),
  field: z.array(z.enum(textFields)).optional(),
  /** Outcomes of tool calls, at least one of which must occur in the attempt. */
  call: z.array(z.enum(callFilters)).optional(),
  /** `given`: the beginning of the answer was given; `prompt`: the attempt began at the prompt. */
  start: z.enum(['prompt', 'given']).optional(),
  /** Minimum number of turns of the policy. */
  minTurns: z.coerce.number<number>().int().min(1).max(1000).optional(),
  /** `next` of the previous page. */
  before: z.coerce.number<number>().int().min(1).optional(),
});

/** Query of the view, before defaults. */
export type SearchQuery = z.input<typeof searchQuery>;

/** A rollout or a problem that matches. */
export interface SearchHit
  extends TextPlace, Pick<Group, 'step' | 'stage' | 'purpose' | 'problemId' | 'domain' | 'family' | 'level'> {
  /** Null for a problem. */
  readonly outcome: Outcome | null;
  /** Turns of the policy; null for a problem. */
  readonly turns: number | null;
  readonly field: TextField;
  /** Excerpt around the match. */
  readonly text: string;
  /** The match in `text`, as [start, end); null if the query contains no words. */
  readonly match: readonly [start: number, end: number] | null;
}

/** A page of hits, newest first. */
export interface SearchView {
  readonly rows: readonly SearchHit[];
  /** `before` of the next page; null if the index has no more hits. */
  readonly next: number | null;
  /** Each search also extends the index; repeat the request until both numbers are equal. */
  readonly index: IndexProgress;
}

const pageSize = 15;
/** Maximum number of documents checked per request, which limits the time of a request whose filter has few matches. */
const mostCandidates = 4000;
const indexMs = 40;

/** Creates the view, which handles only one request per run at a time, because an index may have only one writer. */
export function createSearchView(): (
  run: RunReader,
  query: z.output<typeof searchQuery>,
) => Promise<SearchView> {
  const queue = new Map<string, Promise<unknown>>();
  /** Indexes of runs whose folders are not writable. */
  const temporary = new Map<string, TextIndex>();
  const searchIn = async (
    index: TextIndex,
    run: RunReader,
    query: z.output<typeof searchQuery>,
  ): Promise<SearchView> => {
    // Include the directory in the key, because copies of a run share its id.
    if (index.isTemporary) temporary.set(`${run.summary().id} ${run.directory}`, index);
    try {
      const progress = await index.extend(run, indexMs);
      const { hits, next } = hitsOf(run, index, query);
      return { rows: await withTexts(run, hits, query), next, index: progress };
    } finally {
      if (!index.isTemporary) index[Symbol.dispose]();
    }
  };
  const search = async (run: RunReader, query: z.output<typeof searchQuery>): Promise<SearchView> => {
    const index = temporary.get(`${run.summary().id} ${run.directory}`) ?? openTextIndex(run);
    try {
      return await searchIn(index, run, query);
    } catch (error) {
      if (index.isTemporary || !isUnusableIndex(error)) throw error;
      return await searchIn(replaceTextIndex(run), run, query);
    }
  };
  return async (run, query) => {
    const before = queue.get(run.directory)?.catch(() => undefined);
    const answer = (before ?? Promise.resolve()).then(() => search(run, query));
    queue.set(run.directory, answer);
    return answer.finally(() => {
      if (queue.get(run.directory) === answer) queue.delete(run.directory);
    });
  };
}

type Hit = Omit<SearchHit, 'field' | 'text' | 'match' | 'turns'>;

function hitsOf(run: RunReader, index: TextIndex, query: z.output<typeof searchQuery>) {
  const { text, field, call, start, minTurns, before, ...filter } = query;
  const where = all([groupCondition(filter), attemptCondition(filter)]);
  const wanted = { text, fields: field, calls: call, start, minTurns };
  const candidates = index.find(wanted, mostCandidates, before);
  const rows = run.rows(
    `SELECT places.key AS at, g.step, g.stage, g.purpose, g.problem_id, g.domain, g.family, g.level, r.outcome
     FROM json_each(?) places CROSS JOIN groups g ON g.id = places.value ->> 0
     LEFT JOIN rollouts r ON r.group_id = g.id AND r.place = places.value ->> 1
     WHERE ${where.sql} ORDER BY at LIMIT ?`,
    JSON.stringify(candidates.map(placeOfId).map(({ group, index: place }) => [group, place])),
    ...where.values,
    pageSize,
  );
  const hits = rows.map((row): Hit => ({
    ...placeOfId(candidates[Number(row['at'])]!),
    step: Number(row['step']),
    stage: String(row['stage']),
    purpose: String(row['purpose']) as Hit['purpose'],
    problemId: String(row['problem_id']),
    domain: String(row['domain']),
    family: row['family'] as string | null,
    level: row['level'] as string | null,
    outcome: row['outcome'] as Outcome | null,
  }));
  const isFull = hits.length === pageSize;
  const last = candidates[isFull ? Number(rows.at(-1)!['at']) : candidates.length - 1];
  const hasMore = isFull || candidates.length === mostCandidates;
  return { hits, next: hasMore && last !== undefined ? last : null };
}

async function withTexts(
  run: RunReader,
  hits: readonly Hit[],
  { text = '', field }: z.output<typeof searchQuery>,
): Promise<SearchHit[]> {
  const groups = [...new Set(hits.map(({ group }) => group))].map((id) => run.group(id)!);
  const rows = await groupRows(run, groups, ['prompt', 'text', 'answer', 'evidence', 'messages']);
  return hits.flatMap((hit) => {
    const row = rows.get(hit.group)?.[hit.index ?? 0];
    if (row === undefined) return [];
    const { turns, text: completion } = rowTurns(row);
    const texts: Readonly<Record<TextField, string>> =
      hit.index === null
        ? {
            prompt: row.prompt.map(({ content }) => content).join('\n'),
            answer: row.answer ?? '',
            completion: '',
          }
        : { prompt: '', answer: extractedAnswer(row.evidence) ?? '', completion };
    const looked = field ?? textFields;
    const found = looked
      .map((name) => ({ name, span: findMatch(texts[name], text) }))
      .find(({ span }) => span !== undefined);
    const name = found?.name ?? (hit.index === null ? 'prompt' : 'completion');
    return [
      {
        ...hit,
        turns: hit.index === null ? null : turns,
        field: name,
        ...excerpt(texts[name], found?.span),
      },
    ];
  });
}

const [charactersBefore, charactersAfter] = [60, 140];

/** Truncates a text to the part around a match. */
function excerpt(
  text: string,
  span: readonly [number, number] | undefined,
): Pick<SearchHit, 'text' | 'match'> {
  const [start, end] = span ?? [0, 0];
  const from = Math.max(0, start - charactersBefore);
  const lead = from > 0 ? '…' : '';
  const until = Math.min(text.length, end + charactersAfter);
  const shift = lead.length - from;
  return {
    text: `${lead}${text.slice(from, until)}${until < text.length ? '…' : ''}`,
    match: span === undefined ? null : [start + shift, end + shift],
  };
}
