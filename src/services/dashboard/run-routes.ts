import { type Context, Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { RunReader } from '../../runs/reading/run-reader.ts';
import { type Change, type ChangeWatch } from './watch-runs.ts';
import { prometheusText, prometheusType } from './prometheus.ts';
import { type CompareProgress, createOutcomeView } from './views/outcome.ts';
import { parseQuery } from './query.ts';
import { runDirectory, withRun } from './run-folder.ts';
import { answersQuery, createAnswersView } from './views/texts/answers.ts';
import { type CompareSuites, comparisonQuery, comparisonView } from './views/comparison.ts';
import { createCurriculumView } from './views/curriculum.ts';
import { differencesView } from './views/rollouts/differences.ts';
import { facetsView } from './views/rollouts/facets.ts';
import { groupDetailView, type ReadPieces } from './views/rollouts/group-detail.ts';
import { groupsQuery, groupsView } from './views/rollouts/groups.ts';
import { levelsQuery, levelsView } from './views/levels.ts';
import { metricsQuery, metricsView } from './views/metric-series.ts';
import { notesQuery, notesView } from './views/notes.ts';
import { createPromptsView, promptsQuery } from './views/texts/prompts.ts';
import { problemQuery, problemView } from './views/rollouts/problem.ts';
import { problemsQuery, problemsView } from './views/rollouts/problems.ts';
import { rolloutsQuery, rolloutsView } from './views/rollouts/rollouts.ts';
import { runDetailView } from './views/run-detail.ts';
import { progressView } from './views/progress.ts';
import { createRunList } from './views/run-list.ts';
import { createSearchView, searchQuery } from './views/texts/search.ts';
import { strategiesView } from './views/strategies.ts';
import { type CompareSeeds, seedsQuery, seedsView } from './views/seeds.ts';

/**
 * What the views need: the folder of runs, a clock, and functions from folders of `src` that the views may not import.
 */
export interface ViewParts {
  /** The folder of runs. */
  readonly root: string;
  readonly compareSuites: CompareSuites;
  readonly compareSeeds: CompareSeeds;
  readonly compareProgress: CompareProgress;
  /** Decodes tokens to text; if absent, tokens are shown as ids. */
  readonly readPieces?: ReadPieces;
  readonly canPlay: boolean;
  readonly clock: () => Date;
}

/**
 * Routes to every view as JSON: `/runs`, `/runs/:run/…`, `/compare`, `/compare/seeds`. Each view is defined in a file
 * below `views/`.
 */
export function runRoutes({
  root,
  compareSuites,
  compareSeeds,
  compareProgress,
  readPieces,
  canPlay,
  clock,
}: ViewParts): Hono {
  const app = new Hono();
  const listRuns = createRunList(root);
  const [showAnswers, showPrompts, search] = [createAnswersView(), createPromptsView(), createSearchView()];
  const view = (path: string, show: (run: RunReader, c: Context) => unknown): void => {
    app.get(`/runs/:run${path}`, async (c) => {
      const directory = runDirectory(root, c.req.param('run') ?? '');
      return c.json(await withRun(directory, (run) => show(run, c)));
    });
  };
  app.get('/runs', async (c) => c.json(await listRuns()));
  view('', (run) => runDetailView(run, { at: clock(), canPlay }));
  view('/notes', (run, c) => notesView(run, parseQuery(notesQuery, searchOf(c))));
  view('/metrics', (run, c) => metricsView(run, parseQuery(metricsQuery, searchOf(c))));
  view('/outcome', createOutcomeView(compareProgress));
  view('/facets', (run) => facetsView(run));
  view('/differences', (run) => differencesView(run));
  view('/groups', (run, c) => groupsView(run, parseQuery(groupsQuery, searchOf(c))));
  view('/groups/:id{[0-9]{1,15}}', (run, c) => groupDetailView(run, Number(c.req.param('id')), readPieces));
  view('/rollouts', (run, c) => rolloutsView(run, parseQuery(rolloutsQuery, searchOf(c))));
  view('/problems', (run, c) => problemsView(run, parseQuery(problemsQuery, searchOf(c))));
  view('/problem', (run, c) => problemView(run, parseQuery(problemQuery, searchOf(c))));
  view('/prompts', (run, c) => showPrompts(run, parseQuery(promptsQuery, searchOf(c))));
  view('/answers', (run, c) => showAnswers(run, parseQuery(answersQuery, searchOf(c))));
  view('/search', (run, c) => search(run, parseQuery(searchQuery, searchOf(c))));
  view('/progress', progressView);
  view('/levels', (run, c) => levelsView(run, parseQuery(levelsQuery, searchOf(c))));
  view('/curriculum', createCurriculumView());
  view('/strategies', strategiesView);
  app.get('/compare', async (c) => {
    const { before, after } = parseQuery(comparisonQuery, searchOf(c));
    const [first, second] = [runDirectory(root, before), runDirectory(root, after)];
    return c.json(await comparisonView(first, second, compareSuites));
  });
  app.get('/compare/seeds', async (c) => {
    const { before, after } = parseQuery(seedsQuery, searchOf(c));
    const directories = (folders: readonly string[]) => folders.map((folder) => runDirectory(root, folder));
    const sides = { before: directories(before), after: directories(after) };
    return c.json(await seedsView(sides, compareSeeds));
  });
  return app;
}

/** Returns the query parameters without the authentication token. */
function searchOf(c: Context): URLSearchParams {
  const { searchParams } = new URL(c.req.url);
  searchParams.delete('token');
  return searchParams;
}

/** Route `/metrics`, for Prometheus. */
export function prometheusRoutes({ root, clock }: Pick<ViewParts, 'root' | 'clock'>): Hono {
  const app = new Hono();
  const listRuns = createRunList(root);
  app.get('/metrics', async (c) =>
    c.body(await prometheusText(root, await listRuns(), clock()), 200, { 'content-type': prometheusType }),
  );
  return app;
}

/** Milliseconds between comments that keep an idle connection open through proxies. */
const heartbeatMs = 15_000;

/** Route `/changes`: server-sent events that name the runs to reload. */
export function changeRoutes(watch: ChangeWatch): Hono {
  const app = new Hono();
  app.get('/changes', (c) =>
    streamSSE(c, async (stream) => {
      const gone = Promise.withResolvers<void>();
      stream.onAbort(() => {
        gone.resolve();
      });
      const send = (change: Change): void => {
        void stream.writeSSE({ event: 'change', data: JSON.stringify(change) });
      };
      const unsubscribe = watch.subscribe(send);
      const heartbeat = setInterval(() => void stream.write(': keep-alive\n\n'), heartbeatMs);
      await gone.promise;
      clearInterval(heartbeat);
      unsubscribe();
    }),
  );
  return app;
}
