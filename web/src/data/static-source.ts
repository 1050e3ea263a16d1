import type { Attempt, DataSource, Group, LevelCell, RunDetail, Series } from './source.ts';

/** One run as `gradus runs export --html` embeds it in a page. */
export interface ExportedRun {
  readonly detail: RunDetail;
  readonly metrics: Readonly<Record<string, Series>>;
  readonly groups: readonly Group[];
  readonly levels: readonly LevelCell[];
  /** By group id; groups left out were not exported. */
  readonly attempts: Readonly<Record<string, readonly Attempt[]>>;
}

/** Reads what the page was exported with; nothing is ever requested. */
export function staticSource(runs: readonly ExportedRun[]): DataSource {
  const find = (folder: string): ExportedRun => {
    const run = runs.find(({ detail }) => detail.head.folder === folder);
    if (run === undefined)
      throw new Error(`expected a run of this page, got ${folder}; go back to the list of runs`);
    return run;
  };
  return {
    runs: async () => runs.map(({ detail }) => detail.head),
    run: async (folder) => find(folder).detail,
    metric: async (folder, name) => find(folder).metrics[name] ?? { steps: [], values: [] },
    groups: async (folder) => find(folder).groups,
    levels: async (folder) => find(folder).levels,
    attempts: async (folder, group) => find(folder).attempts[group] ?? [],
  };
}

/** The runs embedded in the page; none when it was built and not exported. */
export function embeddedRuns(): readonly ExportedRun[] {
  const text = document.querySelector('script#gradus-runs')?.textContent ?? '[]';
  return JSON.parse(text) as ExportedRun[];
}
