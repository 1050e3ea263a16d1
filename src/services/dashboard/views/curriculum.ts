import { wilsonInterval } from '../../../statistics/intervals.ts';
import type { RunReader } from '../../../runs/reading/run-reader.ts';
import { levelFlows, type LevelFlow } from './level-flows.ts';

/** How many problems there are in a class of pass rates, or of interval widths: [low, high), the last with its end. */
export interface Bin {
  readonly low: number;
  readonly high: number;
  readonly problems: number;
}

/** A level at one measurement. */
export interface LevelSize {
  readonly level: string;
  readonly problems: number;
  readonly selected: number;
}

/** What a stage found when it began, what it chose, and why. */
export interface StageSelection {
  readonly stage: string;
  /** Steps taken before. */
  readonly step: number;
  /** In words, with numbers. */
  readonly message: string;
  readonly candidates: number;
  readonly selected: number;
  /** A problem may be in several levels; those in none are under ''. */
  readonly levels: readonly LevelSize[];
  /** Measured pass rates of the candidates: ten classes; problems without trials are left out. */
  readonly rates: readonly Bin[];
  /** The same of what was selected. */
  readonly selectedRates: readonly Bin[];
  /** Widths of the 95 % intervals of the candidates' pass rates: ten classes. */
  readonly intervalWidths: readonly Bin[];
}

/** `GET /api/runs/:run/curriculum`. Empty lists for runs that recorded no selections. */
export interface CurriculumView {
  readonly selections: readonly StageSelection[];
  readonly flows: readonly LevelFlow[];
  /** Pass rates as first measured, and as last seen (measured or trained on), of the same problems. */
  readonly atFirst: readonly Bin[];
  readonly atLast: readonly Bin[];
  /** Names of the recorded metrics that tell what samplers and gates decided, for `/metrics`. */
  readonly samplerMetrics: readonly string[];
  readonly gateMetrics: readonly string[];
}

type Selections = Pick<CurriculumView, 'selections' | 'flows'>;

/**
 * How the curriculum went, for one run after another. What stages selected is summed up once: it is the largest part,
 * and changes only when a stage begins.
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

/** Candidates of one stage that are alike. */
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

const countOf = (alike: readonly Alike[]): number => alike.reduce((sum, [, , , , , count]) => sum + count, 0);

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

const classes = 10;

function binned(values: readonly Weighted[]): Bin[] {
  const counts = Array.from({ length: classes }, () => 0);
  for (const [value, count] of values) {
    const place = Math.min(classes - 1, Math.floor(value * classes));
    counts[place] = counts[place]! + count;
  }
  return counts.map((problems, place) => ({ low: place / classes, high: (place + 1) / classes, problems }));
}

type Counts = readonly [correct: number, trials: number];

/** Problems of the first stage's candidates, as they were then and as the run last saw them: trained on, or measured. */
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
