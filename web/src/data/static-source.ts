import { promptBeginning } from '../../../src/core/text/prompt-beginning.ts';
import type { ExportedRun } from '../../../src/services/dashboard/exported-run.ts';
import type { Series } from '../../../src/services/dashboard/views/metric-series.ts';
import type { DataSource, StepRange } from './source.ts';
import { groupTable, problemTable, rolloutTable } from './static-tables.ts';

/** Reads data from the exported page itself; sends no requests. */
export function staticSource(runs: readonly ExportedRun[]): DataSource {
  const find = (folder: string): ExportedRun =>
    present(
      runs.find(({ detail }) => detail.head.folder === folder),
      `run ${folder}`,
    );
  return {
    isServed: false,
    runs: async () => runs.map(({ detail }) => detail.head),
    run: async (folder) => find(folder).detail,
    outcome: async (folder) => find(folder).outcome,
    notes: async (folder) => {
      const rows = find(folder).notes;
      return { rows, total: rows.length, next: null };
    },
    metrics: async (folder, names, range = {}) => {
      const { metrics } = find(folder);
      return Object.fromEntries(names.map((name) => [name, within(metrics[name], range)]));
    },
    progress: async () => present<never>(undefined, 'comparison'),
    facets: async (folder) => find(folder).facets,
    differences: async (folder) => find(folder).differences,
    groups: async (folder, query) => groupTable(find(folder), query),
    rollouts: async (folder, query) => rolloutTable(find(folder), query),
    group: async (folder, id) => present(find(folder).details[id], `group ${id}`),
    problems: async (folder, query) => problemTable(find(folder), query),
    problem: async (folder, id) => present(find(folder).problems[id], `problem ${id}`),
    prompts: async (folder, ids) => {
      const { problems } = find(folder);
      return Object.fromEntries(
        ids.flatMap((id) => {
          const problem = problems[id];
          return problem === undefined ? [] : [[id, promptBeginning(problem.prompt)]];
        }),
      );
    },
    search: () => present<never>(undefined, 'full-text index'),
    answers: async (folder, { family, domain, suite }) => {
      const found = find(folder).answers.find(
        ({ query }) =>
          query.family === family &&
          query.domain === domain &&
          (suite === undefined || query.suite === suite),
      );
      return present(found?.view, `list of answers to ${family ?? domain ?? 'all problems'}`);
    },
    levels: async (folder, { by = 'any' as const } = {}) => find(folder).levels[by],
    curriculum: async (folder) => find(folder).curriculum,
    strategies: async (folder) => find(folder).strategies,
    compare: async () => present<never>(undefined, 'comparison'),
    compareSeeds: async () => present<never>(undefined, 'comparison'),
    annotate: async () => present<never>(undefined, 'editor'),
    trash: async () => [],
    moveToTrash: async () => present<never>(undefined, 'trash'),
    restore: async () => present<never>(undefined, 'trash'),
    models: async () => [],
    play: () => present<never>(undefined, 'model'),
    subscribe: () => () => {},
    omitted: (folder) => find(folder).omitted,
  };
}

/** Returns the runs embedded in the page; empty for a page that was built but not exported. */
export function embeddedRuns(): readonly ExportedRun[] {
  const text = document.querySelector('script#gradus-runs')?.textContent ?? '[]';
  return JSON.parse(text) as ExportedRun[];
}

function present<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value;
  throw new Error(`the ${what} is not part of this exported page; open the run with gradus dashboard`);
}

function within(series: Series | undefined, { from = 0, to = Infinity }: StepRange): Series {
  const { steps, values } = series ?? { steps: [], values: [] };
  const kept = [...steps.keys()].filter((at) => steps[at]! >= from && steps[at]! <= to);
  return { steps: kept.map((at) => steps[at]!), values: kept.map((at) => values[at]!) };
}
