import * as z from 'zod';
import type { Outcome } from '../../../../core/verdict.ts';
import { groupRows } from '../../../../runs/reading/group-rows.ts';
import { extractedAnswer } from '../../../../runs/reading/row-turns.ts';
import type { RunReader } from '../../../../runs/reading/run-reader.ts';
import { type GroupRow, groupView } from '../../../../runs/reading/run-rows.ts';
import { all, type Condition, condition } from '../sql.ts';

/** `GET /api/runs/:run/answers`: the most common answers of a family or a domain over the run. */
export const answersQuery = z.strictObject({
  family: z.string().optional(),
  domain: z.string().optional(),
  /**
   * Suite whose evaluations are read; default: the first suite that contains these problems, else the training
   * rollouts.
   */
  suite: z.string().optional(),
});

/** Query of the view. */
export type AnswersQuery = z.input<typeof answersQuery>;

/** Steps whose rollouts are counted together: one evaluation, or several training steps. */
export interface AnswerSpan {
  readonly fromStep: number;
  readonly toStep: number;
  /** Number of judged rollouts that were read; `correct`: how many of them are correct. */
  readonly trials: number;
  readonly correct: number;
  /** Number of rollouts of the family recorded in these steps. */
  readonly recorded: number;
}

/** Position of a rollout that gave an answer. */
export interface AnswerPlace {
  readonly group: number;
  /** Index in the group, from 0. */
  readonly index: number;
}

/** A wrong answer and its frequency in each span. */
export interface CommonAnswer {
  /** The extracted answer, or the verdict's reason if no answer is extracted, as for programs. */
  readonly answer: string;
  readonly isReason: boolean;
  readonly outcome: Outcome;
  /** Number of rollouts with this answer in each span. */
  readonly counts: readonly number[];
  /** The last rollout with this answer. */
  readonly example: AnswerPlace;
}

/** The most common answer to one problem in one span. */
export interface ProblemAnswer extends AnswerPlace {
  readonly correct: number;
  readonly trials: number;
  readonly answer: string;
  readonly isReason: boolean;
  readonly isCorrect: boolean;
  /** Number of rollouts of the group with this answer. */
  readonly count: number;
}

/** A problem in the first and in the last span. */
export interface ThenAndNow {
  readonly problemId: string;
  /** The gold answer; null for problems with tests. */
  readonly gold: string | null;
  readonly first: ProblemAnswer;
  readonly last: ProblemAnswer;
}

/** Response of the view. Lists are empty if there are no rollouts. */
export interface AnswersView {
  /** The suite that was read; null for training rollouts. */
  readonly suite: string | null;
  /** At most six spans, in order; fewer for large suites. Always includes the first and the last evaluation. */
  readonly spans: readonly AnswerSpan[];
  /** Common wrong answers, the most frequent in the last span first; ties by frequency in all spans. */
  readonly answers: readonly CommonAnswer[];
  /** Problems that were read in both the first and the last span, with the largest loss first. */
  readonly problems: readonly ThenAndNow[];
}

const mostSpans = 6;
/** Maximum number of rollouts and files to read from each span, to limit the time of a request. */
const [mostRollouts, mostShards] = [400, 6];
/**
 * Maximum number of rows in an evaluation's file. All of them are decoded, at 20 µs each, because the problems of a
 * family are spread over the file.
 */
const mostRows = 6000;
const [mostAnswers, mostProblems] = [12, 40];
const mostCharacters = 200;

/** Creates the view, which caches its latest results until the run records another group. */
export function createAnswersView(): (
  run: RunReader,
  query: z.output<typeof answersQuery>,
) => Promise<AnswersView> {
  const known = new Map<string, AnswersView>();
  return async (run, query) => {
    const [[last]] = run.lists('SELECT coalesce(max(id), 0) FROM groups') as [[number]];
    const key = JSON.stringify([run.summary().id, run.directory, run.sessions().length, last, query]);
    const kept = known.get(key);
    if (kept !== undefined) return kept;
    const found = await readAnswers(run, query);
    if (known.size >= 100) known.delete(known.keys().next().value!);
    known.set(key, found);
    return found;
  };
}

/** The answer of one rollout. */
interface Answered extends AnswerPlace {
  readonly span: number;
  readonly problemId: string;
  readonly gold: string | null;
  readonly outcome: Outcome;
  readonly answer: string;
  readonly isReason: boolean;
}

async function readAnswers(run: RunReader, query: z.output<typeof answersQuery>): Promise<AnswersView> {
  const suite = query.suite ?? suiteOf(run, query);
  const where = all([
    filterOf(query),
    suite === null
      ? condition('g.purpose = ?', 'train')
      : { sql: "g.purpose = 'evaluate' AND g.stage = ?", values: [suite] },
  ]);
  const ranges = rangesOf(run, where, suite !== null);
  const read = ranges.map((range) => sampled(run, where, range, suite === null));
  const rows = await groupRows(run, read.flat(), ['outcome', 'evidence', 'reason', 'answer']);
  const answered = read.flatMap((groups, span) =>
    groups.flatMap(({ id, problemId }) =>
      (rows.get(id) ?? []).map((row, index): Answered => ({
        group: id,
        index,
        span,
        problemId,
        gold: row.answer,
        outcome: row.outcome,
        ...answerOf(row),
      })),
    ),
  );
  const judged = answered.filter(({ outcome }) => outcome !== 'ungradable');
  return {
    suite,
    spans: ranges.map((range, span) => {
      const ofSpan = judged.filter((one) => one.span === span);
      const correct = ofSpan.filter(({ outcome }) => outcome === 'correct').length;
      return { ...range, trials: ofSpan.length, correct };
    }),
    answers: commonest(judged, ranges.length),
    problems: thenAndNow(judged, ranges.length - 1),
  };
}

const filterOf = ({ family, domain }: z.output<typeof answersQuery>): Condition =>
  all([condition('g.domain = ?', domain), condition('g.family = ?', family)]);

function suiteOf(run: RunReader, query: z.output<typeof answersQuery>): string | null {
  const where = filterOf(query);
  const [row] = run.lists(
    `SELECT stage FROM groups g WHERE purpose = 'evaluate' AND ${where.sql} LIMIT 1`,
    ...where.values,
  );
  return (row?.[0] as string | undefined) ?? null;
}

type StepRange = Pick<AnswerSpan, 'fromStep' | 'toStep' | 'recorded'>;

/** Chooses evaluations at even distances, or splits training into equal parts. */
function rangesOf(run: RunReader, where: Condition, isSuite: boolean): StepRange[] {
  const steps = run.lists(
    `SELECT step, sum(rollouts) FROM groups g WHERE ${where.sql} GROUP BY step ORDER BY step`,
    ...where.values,
  ) as [number, number][];
  if (isSuite) {
    const [[rows]] = run.lists(
      "SELECT coalesce(max(rollouts), 1) FROM shards WHERE purpose = 'evaluate'",
    ) as [[number]];
    const spans = Math.min(steps.length, mostSpans, Math.max(2, Math.floor(mostRows / rows)));
    return Array.from({ length: spans }, (_, n) => {
      const [step, recorded] = steps[Math.round((n * (steps.length - 1)) / Math.max(1, spans - 1))]!;
      return { fromStep: step, toStep: step, recorded };
    });
  }
  const [first, last] = [steps[0]?.[0] ?? 0, steps.at(-1)?.[0] ?? 0];
  const width = Math.ceil((last - first + 1) / mostSpans);
  return Array.from(Map.groupBy(steps, ([step]) => Math.floor((step - first) / width)).values(), (part) => ({
    fromStep: part[0]![0],
    toStep: part.at(-1)![0],
    recorded: part.reduce((sum, [, rollouts]) => sum + rollouts, 0),
  }));
}

/**
 * Chooses the groups of a span to read. For an evaluation, these are always the first problems by id, so that two
 * evaluations are compared on the same problems; for training, the newest groups.
 */
function sampled(run: RunReader, where: Condition, range: StepRange, isTraining: boolean): GroupRow[] {
  const groups = run
    .rows(
      `SELECT g.*, shards.file FROM groups g JOIN shards ON shards.id = g.shard_id
       WHERE ${where.sql} AND g.step BETWEEN ? AND ?
       ORDER BY ${isTraining ? 'g.id DESC' : 'g.problem_id'} LIMIT ${mostRollouts}`,
      ...where.values,
      range.fromStep,
      range.toStep,
    )
    .map(groupView);
  const files = isTraining
    ? new Set([...new Set(groups.map(({ file }) => file))].slice(0, mostShards))
    : null;
  let left = mostRollouts;
  return groups.filter(({ rollouts, file }) => {
    if (files?.has(file) === false) return false;
    left -= rollouts;
    return left >= 0;
  });
}

function answerOf(row: { readonly evidence: string | null; readonly reason: string }) {
  const extracted = extractedAnswer(row.evidence);
  const answer = (extracted ?? row.reason).trim();
  return {
    answer: answer.length <= mostCharacters ? answer : `${answer.slice(0, mostCharacters - 1)}…`,
    isReason: extracted === undefined,
  };
}

const keyOf = ({ answer, isReason, outcome }: Answered): string =>
  JSON.stringify([answer, isReason, outcome]);

function commonest(judged: readonly Answered[], spans: number): CommonAnswer[] {
  const wrong = judged.filter(({ outcome }) => outcome !== 'correct');
  return Array.from(Map.groupBy(wrong, keyOf).values(), (given): CommonAnswer => {
    const { answer, isReason, outcome, group, index } = given.at(-1)!;
    const counts = Array.from({ length: spans }, () => 0);
    for (const { span } of given) counts[span]!++;
    return { answer, isReason, outcome, counts, example: { group, index } };
  })
    .toSorted((a, b) => b.counts.at(-1)! - a.counts.at(-1)! || total(b) - total(a))
    .slice(0, mostAnswers);
}

const total = ({ counts }: CommonAnswer): number => counts.reduce((sum, count) => sum + count, 0);

function thenAndNow(judged: readonly Answered[], lastSpan: number): ThenAndNow[] {
  if (lastSpan < 1) return [];
  const problems = Array.from(
    Map.groupBy(judged, ({ problemId }) => problemId),
    ([problemId, given]) => {
      const [first, last] = [0, lastSpan].map((span) =>
        commonestOf(given.filter((one) => one.span === span)),
      );
      return first === undefined || last === undefined
        ? []
        : { problemId, gold: given[0]!.gold, first, last };
    },
  ).flat();
  const change = ({ first, last }: ThenAndNow): number =>
    last.correct / last.trials - first.correct / first.trials;
  return problems.toSorted((a, b) => change(a) - change(b)).slice(0, mostProblems);
}

/** Returns the most common answer among judged rollouts; undefined if there are no rollouts. */
function commonestOf(judged: readonly Answered[]): ProblemAnswer | undefined {
  const [most] = [...Map.groupBy(judged, keyOf).values()].toSorted((a, b) => b.length - a.length);
  if (most === undefined) return undefined;
  const { group, index, answer, isReason, outcome } = most.at(-1)!;
  return {
    group,
    index,
    correct: judged.filter((one) => one.outcome === 'correct').length,
    trials: judged.length,
    answer,
    isReason,
    isCorrect: outcome === 'correct',
    count: most.length,
  };
}
