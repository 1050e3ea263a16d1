import * as z from 'zod';
import type { Message } from '../../../../core/problem.ts';
import { wilsonInterval } from '../../../../statistics/intervals.ts';
import type { RolloutPurpose } from '../../../../runs/files/records.ts';
import type { RunReader } from '../../../../runs/reading/run-reader.ts';
import { notFound } from '../../run-folder.ts';
import { problemLine, type ProblemLine, summedUp } from './problems.ts';
import { rolloutColumns, rolloutLine, type RolloutLine } from './rollouts.ts';

/** A pass rate at one step, with its 95 % interval. */
export interface RatePoint {
  readonly step: number;
  readonly stage: string;
  /** `measure`: the pass rate was measured to select the problems of the stage. */
  readonly purpose: RolloutPurpose;
  readonly correct: number;
  readonly trials: number;
  readonly low: number;
  readonly high: number;
  /** Id of the group of rollouts; null for measurements, which keep only outcomes. */
  readonly group: number | null;
}

/** A problem as a candidate of one stage. */
export interface Membership {
  readonly stage: string;
  readonly step: number;
  readonly levels: readonly string[];
  readonly isSelected: boolean;
  readonly correct: number;
  readonly trials: number;
}

/** `GET /api/runs/:run/problem?id=…`. */
export const problemQuery = z.strictObject({ id: z.string() });

/** Response of `problemView`. */
export interface ProblemDetail {
  readonly problemId: string;
  readonly domain: string;
  /** Totals over the problem's groups; null if it was only measured. */
  readonly summary: ProblemLine | null;
  /** The prompt; empty if no group of the problem was recorded. */
  readonly prompt: readonly Message[];
  readonly answer: string | null;
  /** Pass rates in order of steps; a measurement precedes the training at the same step. */
  readonly history: readonly RatePoint[];
  /** The newest 500 rollouts. */
  readonly rollouts: readonly RolloutLine[];
  /** One entry per stage. */
  readonly memberships: readonly Membership[];
  /** At most 12 other problems of the same family, nearest knob first; empty if the problem has no family. */
  readonly neighbours: readonly ProblemLine[];
}

/**
 * Returns a problem's history over the run.
 *
 * @throws RunError (`RUN_NOT_FOUND`) if the problem is unknown.
 */
export async function problemView(
  run: RunReader,
  { id }: z.output<typeof problemQuery>,
): Promise<ProblemDetail> {
  const [row] = run.rows(summedUp('problem_id = ?'), id);
  const [known] = run.lists('SELECT domain FROM selections WHERE problem_id = ? LIMIT 1', id);
  const summary = row === undefined ? null : problemLine(row);
  const domain = summary?.domain ?? (known?.[0] as string | undefined);
  if (domain === undefined) throw notFound(`${run.directory}: problem ${JSON.stringify(id)} not found`);
  const memberships = membershipsOf(run, id);
  const place = summary === null ? undefined : run.group(summary.lastGroup);
  const [text] =
    place === undefined ? [] : await run.rollouts([{ ...place, rollouts: 1 }], ['prompt', 'answer']);
  return {
    problemId: id,
    domain,
    summary,
    prompt: text?.prompt ?? [],
    answer: text?.answer ?? null,
    history: [...measurements(memberships), ...groupPoints(run, id)].toSorted((a, b) => a.step - b.step),
    rollouts: run
      .rows(
        `SELECT ${rolloutColumns} FROM groups g JOIN rollouts r ON r.group_id = g.id
         WHERE g.problem_id = ? ORDER BY g.id DESC, r.place LIMIT 500`,
        id,
      )
      .map(rolloutLine),
    memberships,
    neighbours: neighboursOf(run, summary),
  };
}

function membershipsOf(run: RunReader, id: string): Membership[] {
  const rows = run.lists(
    `SELECT events.stage, events.step, levels, is_selected, correct, trials FROM selections
     JOIN events ON events.id = selections.event_id WHERE problem_id = ? ORDER BY event_id`,
    id,
  ) as [string, number, string, number, number, number][];
  return rows.map(([stage, step, levels, isSelected, correct, trials]) => ({
    stage,
    step,
    levels: JSON.parse(levels) as string[],
    isSelected: isSelected === 1,
    correct,
    trials,
  }));
}

/**
 * Returns the measurements before stages. Drops repeated ones, because a stage that did not measure again records the
 * previous counts.
 */
function measurements(memberships: readonly Membership[]): RatePoint[] {
  const isNew = ({ correct, trials }: Membership, index: number): boolean => {
    const before = memberships[index - 1];
    return trials > 0 && !(before?.correct === correct && before.trials === trials);
  };
  return memberships.filter(isNew).map(({ stage, step, correct, trials }) => ({
    step,
    stage,
    purpose: 'measure',
    correct,
    trials,
    ...wilsonInterval(correct, trials),
    group: null,
  }));
}

function groupPoints(run: RunReader, id: string): RatePoint[] {
  const rows = run.lists(
    'SELECT step, stage, purpose, correct, trials, id FROM groups WHERE problem_id = ? AND trials > 0 ORDER BY id',
    id,
  ) as [number, string, RolloutPurpose, number, number, number][];
  return rows.map(([step, stage, purpose, correct, trials, group]) => ({
    step,
    stage,
    purpose,
    correct,
    trials,
    ...wilsonInterval(correct, trials),
    group,
  }));
}

function neighboursOf(run: RunReader, problem: ProblemLine | null): ProblemLine[] {
  if (problem?.family == null) return [];
  const { domain, family, knob, problemId } = problem;
  const nearest = run.lists(
    `SELECT DISTINCT problem_id FROM groups WHERE domain = ? AND family = ? AND problem_id <> ?
     ORDER BY abs(coalesce(knob, 0) - ?), problem_id LIMIT 12`,
    domain,
    family,
    problemId,
    knob ?? 0,
  );
  return nearest.flatMap(([id]) => run.rows(summedUp('problem_id = ?'), String(id)).map(problemLine));
}
