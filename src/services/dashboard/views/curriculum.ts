import type { RunReader } from '../../../runs/reading/run-reader.ts';
import { wilsonInterval } from '../../../statistics/intervals.ts';
import { sum } from '../../../statistics/summary.ts';
import { levelFlows, type LevelFlow } from './level-flows.ts';

/** A histogram bin [low, high) of pass rates or interval widths; the last one includes `high`. */
export interface Bin {
  readonly low: number;
  readonly high: number;
  readonly problems: number;
}

/** The size of a level in a stage's selection. */
export interface LevelSize {
  readonly level: string;
  readonly problems: number;
  readonly selected: number;
}

/** The candidates at the start of a stage, and which of them it selected. */
export interface StageSelection {
  readonly stage: string;
  /** Number of steps completed before the stage. */
  readonly step: number;
  /** The decision as one sentence, with the numbers behind it. */
  readonly message: string;
  readonly candidates: number;
  readonly selected: number;
  /** A problem may be in several levels; problems without a level are listed under ''. */
  readonly levels: readonly LevelSize[];
  /** Ten bins of the candidates' measured pass rates; omits problems without trials. */
  readonly rates: readonly Bin[];
  /** Ten bins of the selected problems' pass rates. */
  readonly selectedRates: readonly Bin[];
  /** Ten bins of the widths of the candidates' 95 % intervals. */
  readonly intervalWidths: readonly Bin[];
}

/** `GET /api/runs/:run/curriculum`. Lists are empty for runs without recorded selections. */
export interface CurriculumView {
  readonly selections: readonly StageSelection[];
  readonly flows: readonly LevelFlow[];
  /**
   * Histograms of the first measured pass rates and, for the same problems, of the latest ones (measured or from
   * training).
   */
  readonly atFirst: readonly Bin[];
  readonly atLast: readonly Bin[];
  /** Names of the recorded metrics of samplers and gates, for `/metrics`. */
  readonly samplerMetrics: readonly string[];
  readonly gateMetrics: readonly string[];
}

type Selections = Pick<CurriculumView, 'selections' | 'flows'>;

/**
 * Creates the view of a run's curriculum. It caches selections, which are its largest part and change only when a stage
 * begins.
 */
export function createCurriculumView(): (run: RunReader) => CurriculumView {
  const known = new Map<string, { readonly events: string; readonly summed: Selections }>();
  return (run) => {
    const events = JSON.stringify(
      run.lists(
        'SELECT id, recorded_at FROM events WHERE EXISTS (SELECT 1 FROM selections WHERE event_id = id)',
      ),
    );
    const before = known.get(run.directory);
    const summed =
      before?.events === events ? before.summed : { selections: selectionsOf(run), flows: levelFlows(run) };
    known.set(run.directory, { events, summed });
    return { ...summed, ...latest(run) };
  };
}

function latest(run: RunReader): Omit<CurriculumView, keyof Selections> {
  const names = run.metricNames().map(({ name }) => name);
  const seen = lastSeen(run);
  return {
    atFirst: binned(seen.map(({ first }) => [first[0] / first[1], 1])),
    atLast: binned(seen.map(({ last }) => [last[0] / last[1], 1])),
    samplerMetrics: names.filter((name) => name.startsWith('sampler/')),
    gateMetrics: names.filter((name) => name.startsWith('batch/') || name.startsWith('group/')),
  };
}

/** Candidates of one stage that have the same levels, counts and selection, counted together. */
type Alike = readonly [
  event: number,
  levels: string,
  correct: number,
  trials: number,
  isSelected: number,
  count: number,
];

function selectionsOf(run: RunReader): StageSelection[] {
  const rows = run.lists(
    `SELECT event_id, levels, correct, trials, is_selected, count(*) FROM selections
     GROUP BY event_id, levels, correct, trials, is_selected`,
  ) as unknown as Alike[];
  const events = new Map(
    run.rows('SELECT id, stage, step, message FROM events').map((row) => [row['id'], row]),
  );
  return Array.from(
    Map.groupBy(rows, ([event]) => event),
    ([event, alike]) => {
      const { stage, step, message } = events.get(event) ?? {};
      const selected = alike.filter(([, , , , isSelected]) => isSelected === 1);
      return {
        stage: String(stage),
        step: Number(step),
        message: String(message),
        candidates: countOf(alike),
        selected: countOf(selected),
        levels: levelSizes(alike),
        rates: binned(alike.flatMap(rateOf)),
        selectedRates: binned(selected.flatMap(rateOf)),
        intervalWidths: binned(alike.flatMap(widthOf)),
      };
    },
  );
}

const countOf = (alike: readonly Alike[]): number => sum(alike.map(([, , , , , count]) => count));

function levelSizes(alike: readonly Alike[]): LevelSize[] {
  const sizes = new Map<string, { problems: number; selected: number }>();
  for (const [, levels, , , isSelected, count] of alike) {
    const names = JSON.parse(levels) as string[];
    for (const level of names.length === 0 ? [''] : names) {
      const { problems, selected } = sizes.get(level) ?? { problems: 0, selected: 0 };
      sizes.set(level, { problems: problems + count, selected: selected + count * isSelected });
    }
  }
  return Array.from(sizes, ([level, size]) => ({ level, ...size }));
}

type Weighted = readonly [value: number, count: number];

const rateOf = ([, , correct, trials, , count]: Alike): Weighted[] =>
  trials > 0 ? [[correct / trials, count]] : [];

function widthOf([, , correct, trials, , count]: Alike): Weighted[] {
  if (trials === 0) return [];
  const { low, high } = wilsonInterval(correct, trials);
  return [[high - low, count]];
}

const binCount = 10;

function binned(values: readonly Weighted[]): Bin[] {
  const counts = Array.from({ length: binCount }, () => 0);
  for (const [value, count] of values) {
    const bin = Math.min(binCount - 1, Math.floor(value * binCount));
    counts[bin] = counts[bin]! + count;
  }
  return counts.map((problems, bin) => ({ low: bin / binCount, high: (bin + 1) / binCount, problems }));
}

type Counts = readonly [correct: number, trials: number];

/** Returns the first and the latest counts (from training or measured) for the first stage's candidates. */
function lastSeen(run: RunReader): { readonly first: Counts; readonly last: Counts }[] {
  const measuredAt = (which: 'min' | 'max') =>
    run.lists(
      `SELECT problem_id, correct, trials FROM selections WHERE trials > 0
       AND event_id = (SELECT ${which}(event_id) FROM selections)`,
    ) as [string, number, number][];
  const known = measuredAt('min');
  const latestCounts = new Map<string, Counts>();
  const trained = run.lists(
    `SELECT problem_id, correct, trials, max(id) FROM groups NOT INDEXED
     WHERE purpose = 'train' AND trials > 0 GROUP BY problem_id`,
  ) as [string, number, number, number][];
  for (const [id, correct, trials] of [...measuredAt('max'), ...trained])
    latestCounts.set(id, [correct, trials]);
  return known.map(([id, correct, trials]) => {
    const first: Counts = [correct, trials];
    return { first, last: latestCounts.get(id) ?? first };
  });
}
