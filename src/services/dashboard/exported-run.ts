import type { RunReader } from '../../runs/reading/run-reader.ts';
import { type AnswersQuery, type AnswersView, createAnswersView } from './views/texts/answers.ts';
import { createCurriculumView, type CurriculumView } from './views/curriculum.ts';
import { type Differences, differencesView } from './views/rollouts/differences.ts';
import { type Facets, facetsView } from './views/rollouts/facets.ts';
import { type GroupDetail, groupDetailView, type ReadPieces } from './views/rollouts/group-detail.ts';
import { type Group, groupsQuery, groupsView } from './views/rollouts/groups.ts';
import { type LevelCell, type LevelsQuery, levelsQuery, levelsView } from './views/levels.ts';
import { type MetricSeriesByName, metricsView } from './views/metric-series.ts';
import { notesQuery, notesView, type RunNote } from './views/notes.ts';
import { type CompareProgress, createOutcomeView, type RunOutcome } from './views/outcome.ts';
import type { Page } from './views/page.ts';
import { type ProblemDetail, problemView } from './views/rollouts/problem.ts';
import { problemsQuery, problemsView } from './views/rollouts/problems.ts';
import { type RolloutLine, rolloutsQuery, rolloutsView } from './views/rollouts/rollouts.ts';
import { type RunDetail, runDetailView } from './views/run-detail.ts';
import { strategiesView, type StrategiesView } from './views/strategies.ts';

/** A run as `gradus runs export --html` embeds it in a page: the responses of the views, up to a size limit. */
export interface ExportedRun {
  readonly detail: RunDetail;
  readonly outcome: RunOutcome;
  /** Events, newest first. */
  readonly notes: readonly RunNote[];
  readonly metrics: MetricSeriesByName;
  readonly facets: Facets;
  readonly differences: Differences;
  readonly groups: readonly Group[];
  readonly rollouts: readonly RolloutLine[];
  /** Complete groups by group id. */
  readonly details: Readonly<Record<string, GroupDetail>>;
  readonly levels: Readonly<Record<NonNullable<LevelsQuery['by']> | 'any', readonly LevelCell[]>>;
  readonly curriculum: CurriculumView;
  readonly strategies: StrategiesView;
  /** Problem details by problem id. */
  readonly problems: Readonly<Record<string, ProblemDetail>>;
  /** Answers for the domains and families that were evaluated twice. */
  readonly answers: readonly { readonly query: AnswersQuery; readonly view: AnswersView }[];
  /** One phrase for each part that did not fit; empty if the page is complete. */
  readonly omitted: readonly string[];
}

/** Size limit and time of an export. */
export interface ExportOptions {
  readonly at: Date;
  /** Approximate limit in bytes of JSON; the most important parts come first. */
  readonly maxBytes: number;
  readonly readPieces?: ReadPieces;
  readonly compareProgress: CompareProgress;
}

const points = 500;
/** Share of the bytes available for the rows of each table; complete groups use the rest. */
const tableShare = 0.25;
const worstPerStage = 20;

/**
 * Returns a run as one value for a page. Of a large run, keeps only the newest rows of each table and as many complete
 * groups as fit: first those of each stage's hardest problems, then the newest. `omitted` lists the missing parts.
 */
export async function runForPage(run: RunReader, options: ExportOptions): Promise<ExportedRun> {
  const { at, maxBytes } = options;
  const detail = await runDetailView(run, { at, canPlay: false });
  const notes = notesView(run, notesQuery.parse({ limit: 500 }));
  const groups = rowsWithin(maxBytes * tableShare, (cursor) =>
    groupsView(run, groupsQuery.parse({ limit: 500, cursor })),
  );
  const rollouts = rowsWithin(maxBytes * tableShare, (cursor) =>
    rolloutsView(run, rolloutsQuery.parse({ limit: 500, cursor })),
  );
  const outcome = await createOutcomeView(options.compareProgress)(run);
  const rest = {
    detail,
    outcome,
    answers: await answersOf(run, outcome),
    notes: notes.rows,
    metrics: metricsView(run, { name: detail.metrics.map(({ name }) => name), points }),
    facets: facetsView(run),
    differences: await differencesView(run),
    levels: levelsOf(run),
    curriculum: createCurriculumView()(run),
    strategies: strategiesView(run),
    groups: groups.rows,
    rollouts: rollouts.rows,
  };
  const left = maxBytes - JSON.stringify(rest).length;
  const whole = await wholeGroups(run, groupsByInterest(run, detail, groups.rows), left, options.readPieces);
  return { ...rest, ...whole, omitted: omissions({ notes, groups, rollouts }, whole.details) };
}

/** Formats JSON for a script element in HTML, escaped so that no text in it can close the element or open another. */
export function jsonForHtml(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('<', String.raw`\u003c`)
    .replaceAll('\u2028', String.raw`\u2028`)
    .replaceAll('\u2029', String.raw`\u2029`);
}

function levelsOf(run: RunReader): ExportedRun['levels'] {
  const by = (query: LevelsQuery): LevelCell[] => levelsView(run, levelsQuery.parse(query));
  return {
    any: by({}),
    level: by({ by: 'level' }),
    family: by({ by: 'family' }),
    domain: by({ by: 'domain' }),
  };
}

/** Maximum number of domains and families, over all suites, whose answers are exported. */
const mostAnswers = 40;

/** Reads the answers to which the outcome page links. */
async function answersOf(run: RunReader, { suites }: RunOutcome): Promise<ExportedRun['answers']> {
  const show = createAnswersView();
  const queries = suites.flatMap(({ suite, byDomain, byFamily }) => [
    ...Object.keys(byDomain).map((domain) => ({ domain, suite })),
    ...Object.keys(byFamily).map((family) => ({ family, suite })),
  ]);
  const answers: { query: AnswersQuery; view: AnswersView }[] = [];
  for (const query of queries.slice(0, mostAnswers)) answers.push({ query, view: await show(run, query) });
  return answers;
}

interface Rows<T> {
  readonly rows: readonly T[];
  readonly total: number;
}

/** Reads pages of a table until a number of bytes is reached. */
function rowsWithin<T>(bytes: number, ask: (cursor: string | undefined) => Page<T>): Rows<T> {
  const rows: T[] = [];
  let left = bytes;
  let cursor: string | undefined;
  for (;;) {
    const page = ask(cursor);
    left -= JSON.stringify(page.rows).length;
    if (left < 0 && rows.length > 0) return { rows, total: page.total };
    rows.push(...page.rows);
    if (page.next === null) return { rows, total: page.total };
    cursor = page.next;
  }
}

/**
 * Returns the ids of groups by importance: each stage's hardest problems, the last stage first, then the newest
 * groups.
 */
function groupsByInterest(run: RunReader, { stages }: RunDetail, newest: readonly Group[]): Set<number> {
  const worst = stages.toReversed().flatMap(({ stage }) => {
    const query = problemsQuery.parse({ stage: [stage], purpose: ['train'], limit: worstPerStage });
    return problemsView(run, query).rows.map(({ lastGroup }) => lastGroup);
  });
  return new Set([...worst, ...newest.map(({ id }) => id)]);
}

async function wholeGroups(
  run: RunReader,
  ids: ReadonlySet<number>,
  bytes: number,
  readPieces: ReadPieces | undefined,
): Promise<Pick<ExportedRun, 'details' | 'problems'>> {
  const details: Record<string, GroupDetail> = {};
  const problems: Record<string, ProblemDetail> = {};
  let left = bytes;
  for (const id of ids) {
    const detail = shortened(await groupDetailView(run, id, readPieces));
    const { problemId } = detail.group;
    const problem = problems[problemId] ?? (await problemView(run, { id: problemId }));
    left -= JSON.stringify(detail).length + (problemId in problems ? 0 : JSON.stringify(problem).length);
    if (left < 0) break;
    details[id] = detail;
    problems[problemId] = problem;
  }
  return { details, problems };
}

/**
 * Rounds log-probabilities and entropies, which make up most of a page, to four decimals; more decimals are not
 * visible.
 */
function shortened(detail: GroupDetail): GroupDetail {
  const attempts = detail.attempts.map((attempt) => ({
    ...attempt,
    logprobs: attempt.logprobs.map(rounded),
    entropies: attempt.entropies?.map(rounded) ?? null,
  }));
  return { ...detail, attempts };
}

const rounded = (value: number): number => Math.round(value * 1e4) / 1e4;

function omissions(
  tables: { readonly notes: Rows<unknown>; readonly groups: Rows<unknown>; readonly rollouts: Rows<unknown> },
  details: ExportedRun['details'],
): string[] {
  const older = Object.entries(tables)
    .filter(([, { rows, total }]) => rows.length < total)
    .map(([name, { rows, total }]) => `the ${total - rows.length} oldest of ${total} ${name}`);
  const { total } = tables.groups;
  const shown = Object.keys(details).length;
  if (shown === total) return older;
  return [...older, `the rollouts of ${total - shown} of ${total} groups, and the pages of their problems`];
}
