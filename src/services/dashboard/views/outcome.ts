import type { DataRecord } from '../../../core/source-record.ts';
import { readDataFile } from '../../../runs/files/data-file.ts';
import type { RolloutPurpose } from '../../../runs/files/records.ts';
import type { RunReader } from '../../../runs/reading/run-reader.ts';
import type { SuiteComparison } from './comparison.ts';

/** The rollouts made for one purpose, and their tokens. */
export interface Cost {
  readonly purpose: RolloutPurpose;
  readonly rollouts: number;
  /** Tokens written by the policy. */
  readonly tokens: number;
}

/** `GET /api/runs/:run/outcome`: results, cost and data of a run. */
export interface RunOutcome {
  /** Comparison of the first and the last evaluation, for each suite that was evaluated more than once. */
  readonly suites: readonly SuiteComparison[];
  /** One entry for each purpose with rollouts: training, measuring, evaluation. */
  readonly costs: readonly Cost[];
  /**
   * Trials at the first stage's candidates that were measured before the stage or in earlier runs; 0 without a
   * measurement.
   */
  readonly measuredTrials: number;
  /** Seconds during which a process worked on the run; null if a process was killed. */
  readonly seconds: number | null;
  /** The files from which problems were read, with their digests; null for older runs. */
  readonly data: DataRecord | null;
}

/** Compares the first and the last evaluation of each suite of the run in a directory. */
export type CompareProgress = (directory: string) => Promise<readonly SuiteComparison[]>;

/** Creates the view, which caches comparisons until the run records another evaluation. */
export function createOutcomeView(compareProgress: CompareProgress): (run: RunReader) => Promise<RunOutcome> {
  const known = new Map<string, { readonly last: number; readonly suites: readonly SuiteComparison[] }>();
  return async (run) => {
    const [[last]] = run.lists('SELECT coalesce(max(id), 0) FROM evaluations') as [[number]];
    const { directory } = run;
    // Include the directory in the key, because copies of a run share its id.
    const key = `${run.summary().id} ${directory}`;
    let kept = known.get(key);
    if (kept?.last !== last) {
      kept = { last, suites: await compareProgress(directory) };
      known.set(key, kept);
    }
    return {
      suites: kept.suites,
      costs: costsOf(run),
      measuredTrials: measuredTrials(run),
      seconds: secondsOf(run),
      data: (await readDataFile(directory)) ?? null,
    };
  };
}

const purposes: readonly RolloutPurpose[] = ['train', 'measure', 'evaluate'];

function costsOf(run: RunReader): Cost[] {
  const rows = run.lists(
    'SELECT purpose, sum(rollouts), sum(rollouts * mean_tokens) FROM groups GROUP BY purpose',
  ) as [RolloutPurpose, number, number][];
  return rows
    .map(([purpose, rollouts, tokens]) => ({ purpose, rollouts, tokens: Math.round(tokens) }))
    .toSorted((a, b) => purposes.indexOf(a.purpose) - purposes.indexOf(b.purpose));
}

function measuredTrials(run: RunReader): number {
  const [[trials]] = run.lists(
    'SELECT coalesce(sum(trials), 0) FROM selections WHERE event_id = (SELECT min(event_id) FROM selections)',
  ) as [[number]];
  return Math.round(trials);
}

function secondsOf(run: RunReader): number | null {
  let total = 0;
  for (const { startedAt, endedAt } of run.sessions()) {
    if (endedAt === null) return null;
    total += (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
  }
  return total;
}
